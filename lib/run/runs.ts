import { orAfter, type Clock } from '../clock.js'
import type { Run } from './run.js'

// A pod's agent still pings and disconnects after its job.
const keptAfterEndMs = 10 * 60_000

// A job whose accept is under way when we leave would be upstream's for half a minute, and nobody's.
const acceptPatienceMs = 2_000

/** The runs by job id: those that go on, and for a while those that have ended. */
export class Runs {
  private readonly byJob = new Map<string, Run>()
  private readonly endedAt = new Map<string, number>()
  private readonly accepting = new Set<Promise<unknown>>()

  constructor(private readonly clock: Clock) {}

  /** Adds a run; forgets those that ended long ago. An earlier run of the same job is over: it was given out anew. */
  add(run: Run): void {
    this.prune()
    const former = this.byJob.get(run.jobId)
    if (former && former !== run) {
      former.replaced = true
      former.endedUpstream('the job was given out anew')
    }
    this.byJob.set(run.jobId, run)
    this.endedAt.delete(run.jobId)
    void run.ended.then(() => {
      if (this.byJob.get(run.jobId) === run) this.endedAt.set(run.jobId, this.clock.now())
    })
  }

  /** The run of a job, while it is known. */
  find(jobId: string): Run | undefined {
    return this.byJob.get(jobId)
  }

  /** The run whose Job has that name, while it is known. */
  findByJobName(name: string): Run | undefined {
    return [...this.byJob.values()].find(run => run.jobName === name)
  }

  /** The runs that go on. */
  open(): Run[] {
    return [...this.byJob.values()].filter(run => run.ending === undefined)
  }

  /** A job is being accepted: `handOver` waits for what becomes of it. */
  async whileAccepting<T>(accepting: Promise<T>): Promise<T> {
    this.accepting.add(accepting)
    try {
      return await accepting
    } finally {
      this.accepting.delete(accepting)
    }
  }

  /** Leaves all that goes on to the next process, as the ledger has it. */
  abandon(): void {
    for (const run of this.open()) run.abandon()
  }

  /** Leaves all that goes on to the next process; takes some two seconds at most when the ledger answers. */
  async handOver(): Promise<void> {
    const left = new Set<Run>()
    const leave = () =>
      Promise.all(
        this.open()
          .filter(run => !left.has(run))
          .map(run => left.add(run) && run.handOver()),
      )
    const accepted = orAfter(Promise.allSettled(this.accepting), acceptPatienceMs, {
      clock: this.clock,
      instead: undefined,
    })
    await Promise.all([leave(), accepted.then(leave)])
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
