import { orAfter, type Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { PodFinish } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import type { Reason } from '../pod/verdict/reasons.js'
import { newestPod } from '../pod/verdict/status.js'
import { stopReason } from '../pod/verdict/stopped.js'

/** Whether a pod's finish says that its agent was told to stop, and not why (Agent API, `signal_reason`). */
export function wasStopped({ signal_reason: reason }: PodFinish): boolean {
  return reason === 'agent_stop'
}

// The pod waits for an answer to its finish, and its time is nearly over.
const patienceMs = 3_000

/** Why the cluster stopped a run's pod, as far as it says so in time. */
export async function clusterStopReason(
  jobName: string,
  { cluster, clock, log }: { cluster: Cluster; clock: Clock; log: Log },
): Promise<Reason | undefined> {
  try {
    return await orAfter(asked(jobName, cluster), patienceMs, { clock, instead: undefined })
  } catch (error) {
    log.warn({ err: error }, 'why the pod was stopped is not known')
    return undefined
  }
}

async function asked(jobName: string, cluster: Cluster): Promise<Reason | undefined> {
  const [job, pods] = await Promise.all([cluster.getJob(jobName), cluster.podsOfJob(jobName)])
  return stopReason({ job, pod: newestPod(pods) })
}
