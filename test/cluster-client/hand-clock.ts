import type { Clock } from '../../lib/clock.js'

/** A clock that a test moves by hand, and whose chance is always a half. */
export class HandClock implements Clock {
  /** Every sleep that was asked for, in milliseconds. */
  readonly slept: number[] = []
  #now = 1_000_000
  #set = 0
  #sleepers: { until: number; wake: () => void }[] = []

  now(): number {
    return this.#now + this.#set
  }

  steady(): number {
    return this.#now
  }

  /** Somebody sets the time of day, by so much: no time has passed. */
  set(ms: number): void {
    this.#set += ms
  }

  random(): number {
    return 0.5
  }

  get sleeping(): number {
    return this.#sleepers.length
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.slept.push(ms)
    return new Promise((resolve, reject) => {
      const sleeper = { until: this.#now + ms, wake: resolve }
      const stop = () => {
        this.#sleepers = this.#sleepers.filter(other => other !== sleeper)
        reject(signal?.reason as Error)
      }
      if (signal?.aborted) return stop()
      signal?.addEventListener('abort', stop, { once: true })
      this.#sleepers.push(sleeper)
    })
  }

  advance(ms: number): void {
    this.#now += ms
    const due = this.#sleepers.filter(({ until }) => until <= this.#now)
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.#now)
    for (const { wake } of due) wake()
  }
}

/** A clock whose sleeps are over at once, whatever their length, unless they are watchdogs'. */
export class HastyClock extends HandClock {
  readonly #longest: number

  constructor(longest = 60_000) {
    super()
    this.#longest = longest
  }

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms > this.#longest) return super.sleep(ms, signal)
    this.slept.push(ms)
    return new Promise((resolve, reject) => {
      setImmediate(() => (signal?.aborted ? reject(signal.reason as Error) : resolve()))
    })
  }
}
