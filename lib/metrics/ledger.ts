import type { Instruments } from './instruments.js'

/** The writes of the ledger. */
export class LedgerMetrics {
  private readonly writes
  private readonly records
  private readonly duration
  private readonly conflicts

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number },
  ) {
    this.writes = make.counter('ledger_writes_total', 'Writes of a page of the ledger.', {
      outcome: ['ok', 'failed'],
    })
    this.records = make.histogram(
      'ledger_write_records',
      'How many changes a write of the ledger carried: those that come together share one.',
      { buckets: [1, 2, 3, 4, 6, 8, 12, 16] },
    )
    this.duration = make.histogram(
      'ledger_write_duration_seconds',
      'How long a write of the ledger takes, with the time for which passing faults are waited out.',
      { buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] },
    )
    this.conflicts = make.counter(
      'ledger_conflicts_total',
      'Writes of the ledger that met another version of the page than the one that we wrote last.',
    )
  }

  /** A write begins. What is returned is told how many changes it carried, and whether it failed. */
  began(): (records: number, outcome: 'ok' | 'failed') => void {
    const from = this.clocks.now()
    return (records, outcome) => {
      this.writes.inc({ outcome })
      this.records.observe(records)
      this.duration.observe((this.clocks.now() - from) / 1_000)
    }
  }

  /** A write has met another version. */
  conflict(): void {
    this.conflicts.inc()
  }
}
