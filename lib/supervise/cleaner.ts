import type { V1Job, V1Node, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Log } from '../log.js'
import type { Fault } from '../pod/verdict/judgement.js'
import { afterRun } from './after-run.js'
import { listFormerJobs } from './former.js'
import { jobAndPod } from './fresh-look.js'
import { jobEndEvent } from './job-events.js'
import { deleteOrphanJobs, forceDeleteStuck, orphansOf, stuckPods } from './reaper.js'
import { deleteUnfinished, endUnfinished } from './unfinished.js'

/** A run that has ended, as far as its Job is concerned. */
export interface EndedRun {
  readonly jobId: string
  readonly jobName: string
  readonly jobUid: string | undefined
  readonly jobCreated: boolean
  /** Whether another run has the job now, and with it the Job of that name. */
  readonly replaced: boolean
  readonly ending:
    | {
        by: 'pod' | 'spawner' | 'upstream'
        exitStatus: number | undefined
        cause?: string
        fault?: Fault
        cancelled?: boolean
      }
    | undefined
}

/** What the watches know, as a `Supervisor` has it. */
export interface Known {
  podOf(jobId: string): V1Pod | undefined
  jobNamed(name: string): V1Job | undefined
  knownJobs(): V1Job[]
  knownPods(): V1Pod[]
  freshNode(name: string): Promise<V1Node | undefined>
  /** What a run was ended over, for people; it is forgotten then. */
  takeMessage(jobId: string): string | undefined
}

/** What cleaning up needs. */
export interface CleanerOptions {
  cluster: Cluster
  known: Known
  /** The installation whose Jobs are ours, as in the label of its Jobs. */
  owner: string
  find: (jobId: string) => { readonly ending: object | undefined } | undefined
  /** Whether what has no run may be deleted: false while a record of the ledger can't be read. */
  mayReap: () => boolean
  log: Log
  clock: Clock
}

const tickMs = 5_000
const reapEachTicks = 3

// Its controller ends a Job in less time, unless it is not there.
const endAgainMs = 60_000

interface Left {
  run: EndedRun
  endedAt: number
  /** When its Job was ended by us. */
  cutAt?: number
}

/** Removes what nobody needs any more of ours: pods that do not go after their run, Jobs without a run, pods of dead nodes. */
export class Cleaner {
  private readonly left = new Map<string, Left>()
  private orphans: ReadonlyMap<string, number> = new Map()

  constructor(private readonly options: CleanerOptions) {}

  /** A run has ended: its Job is told so, and its pod is looked after until it has gone. */
  afterRun(run: EndedRun): void {
    const message = this.options.known.takeMessage(run.jobId)
    if (!run.jobCreated || run.replaced) return
    this.left.set(run.jobId, { run, endedAt: this.options.clock.now() })
    void this.tellJob(run, message)
  }

  /** Cleans up until the signal aborts. To be called by who leads, when the runs of earlier processes are known. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.options
    await this.listFormer().catch((err: unknown) => log.warn({ err }, 'former Jobs not listed'))
    for (let tick = 0; !signal.aborted; tick++) {
      await this.lookAfterLeft()
      if (tick % reapEachTicks === 0) await this.reap()
      await clock.sleep(tickMs, signal).catch(() => undefined)
    }
  }

  private async listFormer(): Promise<void> {
    const { cluster, log, owner, find } = this.options
    await listFormerJobs({ cluster, log, owner, isRun: jobId => find(jobId) !== undefined })
  }

  // The watch says which, and the API server whether.
  private async lookAfterLeft(): Promise<void> {
    const { known, clock, log } = this.options
    for (const [jobId, left] of this.left) {
      const { run, endedAt, cutAt = -Infinity } = left
      const now = clock.now()
      const { ending } = run
      const seen = {
        job: known.jobNamed(run.jobName),
        pod: known.podOf(jobId),
        endedAt,
        now,
        ending,
      }
      const what = run.replaced ? 'done' : afterRun(seen)
      if (what === 'done') this.left.delete(jobId)
      if (what !== 'end' || now - cutAt < endAgainMs) continue
      try {
        await this.cut(left)
      } catch (error) {
        log.warn({ err: error, job: jobId }, 'Job that lingers not ended')
        // The API server is away: the others would not fare better.
        if (isClusterError(error, 'retry')) return
      }
    }
  }

  private async cut(left: Left): Promise<void> {
    const { cluster, clock, log } = this.options
    const { run, endedAt, cutAt } = left
    const seen = await jobAndPod(run.jobName, cluster)
    const fresh = { ...seen, endedAt, now: clock.now(), ending: run.ending }
    if (run.replaced || afterRun(fresh) !== 'end') return
    log.warn({ job: run.jobId }, 'pod still there after its job ended, ending its Job')
    left.cutAt = clock.now()
    if (cutAt === undefined) await endUnfinished(run.jobName, cluster)
    else await deleteUnfinished(run.jobName, cluster)
  }

  private async reap(): Promise<void> {
    const { cluster, known, find, mayReap, log, clock } = this.options
    const seen = {
      jobs: known.knownJobs(),
      pods: known.knownPods(),
      podOf: (jobId: string) => known.podOf(jobId),
      isRun: (jobId: string) => find(jobId) !== undefined || this.left.has(jobId),
      isOpen: (jobId: string) => find(jobId) !== undefined && find(jobId)?.ending === undefined,
      now: clock.now(),
    }
    const context = { cluster, log, freshNode: (name: string) => known.freshNode(name) }
    await forceDeleteStuck(stuckPods(seen), context)
    // A record that can't be read may be that of a Job which then only looks like an orphan.
    if (!mayReap()) return
    const { since, ripe } = orphansOf(seen, this.orphans)
    this.orphans = since
    await deleteOrphanJobs(ripe, seen, context)
  }

  private async tellJob(run: EndedRun, message: string | undefined): Promise<void> {
    const { cluster, known, clock, log } = this.options
    const { jobName, ending } = run
    if (!ending) return
    const jobUid = known.jobNamed(jobName)?.metadata?.uid ?? run.jobUid
    const event = jobEndEvent({
      namespace: cluster.namespace,
      jobName,
      jobUid,
      by: ending.by,
      exitStatus: ending.exitStatus,
      cause: ending.cause,
      fault: ending.fault,
      message,
      now: clock.now(),
    })
    // A Job without an event has lost nothing that its job's log does not have.
    await cluster
      .createEvent(event)
      .catch((err: unknown) => log.debug({ err, job: run.jobId }, 'no event on the Job'))
  }
}
