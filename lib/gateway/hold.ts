import type { Clock } from '../clock.js'
import { impatient, type Patience } from './patience.js'

interface Waiter {
  who: string | undefined
  /** Whether it has stopped waiting. */
  look(): boolean
  stop(): void
}

// A tenth of a second is nothing to a call, and no burden with thousands that wait.
const lookMs = 100
// So many go on at a time: when upstream comes back, five hundred pods do not come at once.
const atATime = 50

/** Calls that wait, unread: what their pods still have to say stays with them. */
export class Hold {
  private readonly waiting = new Set<Waiter>()
  private readonly perPod = new Map<string, number>()
  private ticker: NodeJS.Timeout | undefined
  private closed = false

  constructor(
    private readonly clock: Clock,
    private readonly limits: { held: number; heldPerPod: number },
  ) {}

  /**
   * What `attempt` gives as soon as it gives something; undefined when that takes longer than there is patience for, the
   * pod goes away, or too many wait. Calls wait in the order in which they came. `who` is the pod, where it is known.
   */
  async until<T>(
    attempt: () => T | undefined,
    patience: Patience,
    who?: string,
  ): Promise<T | undefined> {
    if (this.closed) return undefined
    const got = attempt()
    if (got !== undefined) return got
    if (this.full(who) || impatient(patience, this.clock)) return undefined
    return new Promise((resolve, reject) => {
      const leave = () => {
        patience.gone.removeEventListener('abort', stop)
        this.remove(waiter)
      }
      const stop = () => {
        leave()
        resolve(undefined)
      }
      const look = () => {
        try {
          const value = impatient(patience, this.clock) ? undefined : attempt()
          if (value === undefined && !impatient(patience, this.clock)) return false
          leave()
          resolve(value)
        } catch (error) {
          leave()
          reject(error instanceof Error ? error : new Error(String(error)))
        }
        return true
      }
      const waiter: Waiter = { who, look, stop }
      patience.gone.addEventListener('abort', stop)
      this.add(waiter)
    })
  }

  get isClosed(): boolean {
    return this.closed
  }

  /** How many calls wait. */
  get size(): number {
    return this.waiting.size
  }

  /** Nobody waits any more, now and later. */
  close(): void {
    this.closed = true
    for (const waiter of [...this.waiting]) waiter.stop()
  }

  private full(who: string | undefined): boolean {
    if (this.waiting.size >= this.limits.held) return true
    return who !== undefined && (this.perPod.get(who) ?? 0) >= this.limits.heldPerPod
  }

  private add(waiter: Waiter): void {
    this.waiting.add(waiter)
    if (waiter.who !== undefined) this.count(waiter.who, 1)
    this.ticker ??= setInterval(() => this.look(), lookMs)
  }

  private remove(waiter: Waiter): void {
    if (!this.waiting.delete(waiter)) return
    if (waiter.who !== undefined) this.count(waiter.who, -1)
    if (this.waiting.size > 0) return
    clearInterval(this.ticker)
    this.ticker = undefined
  }

  private count(who: string, by: number): void {
    const count = (this.perPod.get(who) ?? 0) + by
    if (count > 0) this.perPod.set(who, count)
    else this.perPod.delete(who)
  }

  private look(): void {
    let left = atATime
    for (const waiter of [...this.waiting]) {
      if (waiter.look()) left -= 1
      if (left === 0) return
    }
  }
}
