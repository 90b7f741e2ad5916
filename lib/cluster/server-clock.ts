import { steadily, type Clock } from '../clock.js'
import type { Log } from '../log.js'

// RFC 9110: a Date has no smaller unit.
const unitMs = 1_000

// A server may make the header ahead of time, or once for the answers of a moment.
const slackMs = 1_000

// Less is not worth a person's look.
const apartMs = 5_000

/**
 * The time by the API server's clock, which also its controllers' times in pods and Jobs go by, and all replicas: as far
 * as its answers have told it, and this machine's own until then. Where the two clocks agree it is this machine's. Once
 * told, it does not move when this machine's clock is set.
 */
export class ServerClock implements Clock {
  /** From the steady clock's time to the server's; undefined until it has told its own. */
  #apartMs: number | undefined

  constructor(
    private readonly own: Clock,
    private readonly log: Log,
  ) {}

  now(): number {
    return this.#apartMs === undefined ? this.own.now() : this.steady() + this.#apartMs
  }

  steady(): number {
    return steadily(this.own)
  }

  random(): number {
    return this.own.random()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.own.sleep(ms, signal)
  }

  /** The server has answered, with that `Date` in its header, `tookMs` after it was asked. */
  heard(date: string | undefined, tookMs: number): void {
    const told = Date.parse(date ?? '')
    if (Number.isNaN(told)) return
    const before = this.now()
    const least = told - slackMs
    const most = told + unitMs + slackMs + tookMs
    const now = Math.max(least, Math.min(before, most))
    this.#apartMs = now - this.steady()
    if (Math.abs(now - before) < apartMs) return
    const seconds = Math.round((now - this.own.now()) / 1_000)
    this.log.warn({ seconds }, "the API server's clock is ahead of this machine's by so much")
  }
}
