import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { labels } from '../pod/metadata.js'
import { isFinished } from './supervisor.js'

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

/** Deletes the Job of a run that has ended when its pod has not gone by itself after a while: a sidecar that hangs, say. */
export async function deleteLingering(
  { jobId, jobName }: { jobId: string; jobName: string },
  { cluster, log, clock }: CleanupContext,
  signal: AbortSignal,
): Promise<void> {
  try {
    await clock.sleep(lingerMs, signal)
    const job = await cluster.getJob(jobName)
    if (!job || isFinished(job)) return
    log.warn({ job: jobId }, 'pod still there long after its job ended, deleting the Job')
    await cluster.deleteJob(jobName)
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error, job: jobId }, 'lingering Job not deleted')
  }
}
