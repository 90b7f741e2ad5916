import type { Instruments } from './instruments.js'

/** The lease that tells which process leads. */
export class LeaseMetrics {
  private readonly takeOvers
  private at: number | undefined
  private since: number | undefined

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number; wall: () => number },
  ) {
    this.takeOvers = make.counter(
      'lease_take_overs_total',
      'How often this process has become the one that holds the lease.',
    )
    make.gauge(
      'lease_renewal_age_seconds',
      'Seconds since this process last renewed the lease; absent while it never has.',
      {
        read: gauge => {
          const { age } = this
          if (age === undefined) gauge.remove()
          else gauge.set(age)
        },
      },
    )
  }

  /** Seconds since we last renewed the lease; undefined when we never have. */
  get age(): number | undefined {
    return this.at === undefined ? undefined : (this.clocks.now() - this.at) / 1_000
  }

  /** When this process became the one that holds the lease, in milliseconds since 1970. */
  get takenAt(): number | undefined {
    return this.since
  }

  /** This process holds the lease from now on. */
  taken(): void {
    this.since = this.clocks.wall()
    this.takeOvers.inc()
  }

  /** It has been renewed. */
  renewed(): void {
    this.at = this.clocks.now()
  }
}
