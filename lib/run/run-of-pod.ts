import type { V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { PodAddresses, ProvenPod } from '../gateway/gateway-run.js'
import { labels, labelValue } from '../pod/metadata.js'
import type { Run } from './run.js'
import type { Runs } from './runs.js'

/** The run whose Job made the pod; undefined when the pod is over, or none of ours. Throws `ClusterError`. */
export async function runOfPod(
  pod: ProvenPod,
  { cluster, runs }: { cluster: Pick<Cluster, 'getPod' | 'getJob'>; runs: Runs },
): Promise<Run | undefined> {
  const found = await cluster.getPod(pod.name)
  if (!found || found.metadata?.uid !== pod.uid || isOver(found)) return undefined
  const owner = found.metadata.ownerReferences?.find(({ controller }) => controller)
  const run = owner?.kind === 'Job' ? runs.findByJobName(owner.name) : undefined
  if (!run || found.metadata.labels?.[labels.jobUuid] !== labelValue(run.jobId)) return undefined
  const jobUid = run.jobUid ?? (await learnJobUid(run, cluster))
  return jobUid !== undefined && owner?.uid === jobUid ? run : undefined
}

/** The addresses of a pod and of its node, as the API server gives them now. Throws `ClusterError`. */
export async function addressesOfPod(
  { name, uid }: ProvenPod,
  cluster: Pick<Cluster, 'getPod'>,
): Promise<PodAddresses> {
  const pod = await cluster.getPod(name)
  const status = pod?.metadata?.uid === uid ? pod.status : undefined
  return {
    pod: addresses([status?.podIP, ...(status?.podIPs ?? []).map(({ ip }) => ip)]),
    node: addresses([status?.hostIP, ...(status?.hostIPs ?? []).map(({ ip }) => ip)]),
  }
}

async function learnJobUid(
  run: Run,
  cluster: Pick<Cluster, 'getJob'>,
): Promise<string | undefined> {
  const job = await cluster.getJob(run.jobName)
  const uid = job?.metadata?.uid
  if (uid !== undefined) run.jobMade(uid)
  return uid
}

function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Failed' || status?.phase === 'Succeeded'
}

function addresses(given: readonly (string | undefined)[]): string[] {
  return [...new Set(given.filter(ip => ip !== undefined && ip !== ''))] as string[]
}
