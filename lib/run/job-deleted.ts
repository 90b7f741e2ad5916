import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import { deleteUnfinished } from '../supervise/unfinished.js'
import type { Run } from './run.js'

// Some seconds; what is left then is deleted later, when its pod lingers.
const mostAttempts = 6

/** Deletes the Job of a run that nobody wants any more, unless it has come to its end. Nothing is thrown. */
export async function deleteJobOf(
  run: Run,
  { cluster, clock }: { cluster: Pick<Cluster, 'getJob' | 'deleteJob'>; clock: Clock },
): Promise<void> {
  for (let attempt = 0; !run.replaced; attempt++) {
    try {
      await deleteUnfinished(run.jobName, cluster)
      return
    } catch (error) {
      const isLast = attempt + 1 >= mostAttempts || !isClusterError(error, 'retry')
      if (isLast) return run.log.warn({ err: error }, 'Job not deleted')
    }
    await clock.sleep(backoffMs(attempt, clock.random()))
  }
}
