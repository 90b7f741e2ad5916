import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { AcceptedRecord } from './take.js'

// API servers keep events for an hour, unless they are told otherwise.
const eventsKeptMs = 45 * 60_000

// Where we may not read events: a process that crashed before it had made the Job did so within this time.
const createWindowMs = 60_000

/**
 * Whether an earlier process has made the Job of a run that has none now. Made again, its command could run a second
 * time: so only when nothing speaks for it. What a Job leaves behind: its UID or its pod's in the ledger, chunks of its
 * pod's in the log, its pod, and its controller's event that a pod was made. Only this process can make one meanwhile:
 * it holds the lease. Throws `ClusterError` when the API server does not say.
 */
export async function wasMade(
  record: AcceptedRecord,
  { cluster, clock }: { cluster: Pick<Cluster, 'podsOfJob' | 'events'>; clock: Clock },
): Promise<boolean> {
  const { jobUid, podUid, cursor, opening, jobName = '' } = record
  if (jobUid !== undefined || podUid !== undefined) return true
  if (cursor && cursor.sequence > opening.sequence) return true
  const sinceMs = clock.now() - Math.max(record.acceptedAt ?? 0, record.noJobAt ?? 0)
  if (sinceMs > eventsKeptMs) return true
  if ((await cluster.podsOfJob(jobName)).length > 0) return true
  try {
    return (await cluster.events(jobName)).length > 0
  } catch (error) {
    if (!isClusterError(error) || error.status !== 403) throw error
    return sinceMs > createWindowMs
  }
}
