import type { V1Job } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'

/** Whether a Job has come to its end by itself. */
export function isFinished(job: V1Job): boolean {
  return (job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  )
}

/**
 * Deletes a Job that nobody wants any more. One that has come to its end by itself is left to its TTL, with its pod's
 * status and logs. Says whether there was one to delete. Throws `ClusterError`.
 */
export async function deleteUnfinished(
  jobName: string,
  cluster: Pick<Cluster, 'getJob' | 'deleteJob'>,
): Promise<boolean> {
  const job = await cluster.getJob(jobName)
  if (!job || isFinished(job)) return false
  await cluster.deleteJob(jobName)
  return true
}

/**
 * Ends a Job that people may want to look at, so that it stays until its TTL; where we may not, or it is suspended, it is
 * deleted. One that has come to its end is left as it is. Throws `ClusterError`.
 */
export async function endUnfinished(
  jobName: string,
  cluster: Pick<Cluster, 'getJob' | 'endJob' | 'deleteJob'>,
): Promise<void> {
  const job = await cluster.getJob(jobName)
  if (!job || isFinished(job) || job.metadata?.deletionTimestamp) return
  // A deadline does not end what is suspended: its queue would let it go on, for nobody.
  if (job.spec?.suspend) return cluster.deleteJob(jobName)
  try {
    await cluster.endJob(jobName)
  } catch (error) {
    if (!isClusterError(error, 'final')) throw error
    await cluster.deleteJob(jobName)
  }
}
