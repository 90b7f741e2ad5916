import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { labels } from '../pod/metadata.js'
import { backoffMs } from '../cluster/backoff.js'
import { isClusterError } from '../cluster/cluster-error.js'
import { deleteUnfinished, isFinished } from './unfinished.js'

/** What cleaning up needs. */
export interface CleanupContext {
  cluster: Cluster
  log: Log
  clock: Clock
}

// Beyond the pods' own termination grace of a minute, which the agent may use up after its finish.
const lingerMs = 90_000

/**
 * Deletes the Jobs of this installation that have no run: their job ended while no process was there to see it. What is
 * finished is left to its TTL.
 */
export async function deleteOrphans(
  jobs: readonly V1Job[],
  isRun: (jobId: string) => boolean,
  { cluster, log }: CleanupContext,
): Promise<void> {
  for (const job of orphans(jobs, isRun)) {
    const name = job.metadata?.name ?? ''
    log.warn({ name }, 'Job without a run, deleting it')
    await cluster
      .deleteJob(name)
      .catch((error: unknown) => log.warn({ err: error, name }, 'Job not deleted'))
  }
}

/** The Jobs that still go on although their job is none of ours. */
export function orphans(jobs: readonly V1Job[], isRun: (jobId: string) => boolean): V1Job[] {
  return jobs.filter(
    job =>
      !isFinished(job) &&
      !job.metadata?.deletionTimestamp &&
      !isRun(job.metadata?.labels?.[labels.jobUuid] ?? ''),
  )
}

/** A run that has ended, as far as its Job is concerned. */
export interface EndedRun {
  jobId: string
  jobName: string
  /** Whether another run has the job now, and with it the Job of that name. */
  readonly replaced?: boolean
}

/**
 * Deletes the Job of a run that has ended when its pod has not gone by itself after a while: a sidecar that hangs, say,
 * or a Job that could not be deleted when its run was cancelled.
 */
export async function deleteLingering(
  run: EndedRun,
  { cluster, log, clock }: CleanupContext,
  signal: AbortSignal,
): Promise<void> {
  const { jobId: job, jobName } = run
  try {
    await clock.sleep(lingerMs, signal)
    for (let attempt = 0; !run.replaced; attempt++) {
      try {
        if (await deleteUnfinished(jobName, cluster))
          log.warn({ job }, 'pod still there long after its job ended, Job deleted')
        return
      } catch (error) {
        if (!isClusterError(error, 'retry')) throw error
        await clock.sleep(backoffMs(attempt + 4, clock.random()), signal)
      }
    }
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error, job }, 'lingering Job not deleted')
  }
}
