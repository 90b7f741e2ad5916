import type { CoreV1Event, V1Job, V1Node, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { newestPod } from '../pod/verdict/status.js'
import type { SeenClaim } from '../pod/verdict/verdict.js'
import { seeClaims } from './claims.js'
import { unlessForbidden } from './unless-forbidden.js'

/** What the API server says now of a run's Job and pod. */
export interface FreshLook {
  job: V1Job | undefined
  pod: V1Pod | undefined
  claims: SeenClaim[]
  /** About the Job, when it has no pod. */
  jobEvents: CoreV1Event[] | undefined
  node: V1Node | undefined
}

/** Asks the API server, and no cache. Throws `ClusterError` when it does not answer. */
export async function lookFreshly(
  jobName: string,
  context: {
    cluster: Cluster
    log: Log
    /** The node of the pod, when it may be the cause. */
    nodeOf: (pod: V1Pod | undefined) => Promise<V1Node | undefined>
  },
): Promise<FreshLook> {
  const { cluster, nodeOf } = context
  const { job, pod } = await jobAndPod(jobName, cluster)
  const [claims, node, jobEvents] = await Promise.all([
    seeClaims(pod, context),
    nodeOf(pod),
    job && !pod ? seeEvents(jobName, context) : undefined,
  ])
  return { job, pod, claims, jobEvents, node }
}

/** A run's Job and its newest pod, asked for. Throws `ClusterError` when the API server does not answer. */
export async function jobAndPod(
  jobName: string,
  cluster: Pick<Cluster, 'getJob' | 'podsOfJob'>,
): Promise<Pick<FreshLook, 'job' | 'pod'>> {
  const [job, pods] = await Promise.all([cluster.getJob(jobName), cluster.podsOfJob(jobName)])
  return { job, pod: newestPod(pods) }
}

/** The events about the object of that name, asked for; undefined when we may not read any. */
export async function seeEvents(
  name: string,
  { cluster, log }: { cluster: Pick<Cluster, 'events'>; log: Log },
): Promise<CoreV1Event[] | undefined> {
  return unlessForbidden(cluster.events(name), err => log.debug({ err }, 'events not readable'))
}
