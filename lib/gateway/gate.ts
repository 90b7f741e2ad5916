import { steadily, type Clock } from '../clock.js'

// Milliseconds. The first wait is short: most faults of upstream's are one connection's.
const firstMs = 500
const longestMs = 15_000
const longestAskedMs = 60_000
// A probe that says nothing for so long, because its body comes slowly, does not keep the others waiting.
const probeMs = 10_000

/** Whether to go, and whether as the one that finds out. */
export interface Ticket {
  probe: boolean
}

/**
 * Stands before something that may fail for a while. Open, it lets all pass. After a failure it lets none pass for a
 * time that grows, or that was asked for; then one at a time, until one has done well.
 */
export class Gate {
  private failures = 0
  private from = 0
  private waitMs = 0
  private probeSince: number | undefined

  constructor(private readonly clock: Clock) {}

  get open(): boolean {
    return this.failures === 0
  }

  /** Milliseconds until it is worth asking again. */
  get restMs(): number {
    return this.open ? 0 : Math.max(0, this.from + this.waitMs - steadily(this.clock))
  }

  /** When it may be forgotten: nobody has asked for long. */
  get stale(): boolean {
    return this.passed(this.from, this.waitMs + 60_000)
  }

  /** Undefined when it is not the time to go. */
  enter(): Ticket | undefined {
    if (this.open) return { probe: false }
    if (!this.passed(this.from, this.waitMs)) return undefined
    if (this.probeSince !== undefined && !this.passed(this.probeSince, probeMs)) return undefined
    this.probeSince = steadily(this.clock)
    return { probe: true }
  }

  good(): void {
    this.failures = 0
    this.probeSince = undefined
  }

  /** What was let pass has failed. `askedMs` is how long upstream asks to wait. */
  bad({ probe }: Ticket, askedMs = 0): void {
    const asked = Math.min(askedMs, longestAskedMs)
    // Those that went while it was open fail together: that is one failure.
    if (!this.open && !probe) {
      this.waitMs = Math.max(this.waitMs, asked)
      return
    }
    const grown = Math.min(longestMs, firstMs * 2 ** this.failures) * (0.5 + this.clock.random())
    this.failures += 1
    this.from = steadily(this.clock)
    this.waitMs = Math.max(grown, asked)
    this.probeSince = undefined
  }

  /** What was let pass ended without telling anything. */
  none({ probe }: Ticket): void {
    if (probe) this.probeSince = undefined
  }

  private passed(from: number, ms: number): boolean {
    return steadily(this.clock) >= from + ms
  }
}
