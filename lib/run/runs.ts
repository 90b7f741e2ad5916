import type { Clock } from '../clock.js'
import type { Run } from './run.js'

// A pod's agent still pings and disconnects after its job.
const keptAfterEndMs = 10 * 60_000

/** The runs by job id: those that go on, and for a while those that have ended. */
export class Runs {
  private readonly byJob = new Map<string, Run>()
  private readonly endedAt = new Map<string, number>()

  constructor(private readonly clock: Clock) {}

  /** Adds a run; forgets those that ended long ago. */
  add(run: Run): void {
    this.prune()
    this.byJob.set(run.jobId, run)
    this.endedAt.delete(run.jobId)
    void run.ended.then(() => this.endedAt.set(run.jobId, this.clock.now()))
  }

  /** The run of a job, while it is known. */
  find(jobId: string): Run | undefined {
    return this.byJob.get(jobId)
  }

  /** The runs that go on. */
  open(): Run[] {
    return [...this.byJob.values()].filter(run => run.ending === undefined)
  }

  private prune(): void {
    const before = this.clock.now() - keptAfterEndMs
    for (const [jobId, endedAt] of this.endedAt) {
      if (endedAt > before) continue
      this.endedAt.delete(jobId)
      this.byJob.delete(jobId)
    }
  }
}
