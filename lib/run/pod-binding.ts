import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { PodAddresses, ProvenPod } from '../gateway/gateway-run.js'
import { labels, labelValue } from '../pod/metadata.js'
import type { Run } from './run.js'
import type { Runs } from './runs.js'

/** What a binding is made of. */
export interface PodBindingOptions {
  /** The pod that an earlier process is known to have given the run to. */
  uid: string | undefined
  /** Whether an earlier process may have given it to a pod that we do not know of. */
  restored: boolean
  /** Whether the run's Job has never had another pod. Throws `ClusterError`. */
  isFirst: (uid: string) => Promise<boolean>
  /** Called once, with the pod that has the run. */
  onBound: (uid: string) => void
}

/**
 * Which pod has a run: the first one, for good. It is not durable before it counts, for a pod that an earlier process
 * has bound shows itself after a restart: by a token that nobody else was given, or, when it has none yet, by being the
 * only pod that its Job has ever had.
 */
export class PodBinding {
  private uid: string | undefined

  constructor(private readonly options: PodBindingOptions) {
    this.uid = options.uid
  }

  /** The UID of the pod that has the run, as far as it is known. */
  get known(): string | undefined {
    return this.uid
  }

  /** Gives the run to the pod, unless another one has it. Throws `ClusterError`. */
  async bind(uid: string): Promise<'bound' | 'taken'> {
    const mayBe =
      this.uid !== undefined || !this.options.restored || (await this.options.isFirst(uid))
    // Another may have come first while the API server was asked.
    if (this.uid === undefined && mayBe) this.take(uid)
    return this.uid === uid ? 'bound' : 'taken'
  }

  /** Whether a token for that pod, which only this installation can have made, is that of the pod that has the run. */
  proven(uid: string): boolean {
    if (this.uid === undefined && this.options.restored) this.take(uid)
    return this.uid === uid
  }

  private take(uid: string): void {
    this.uid = uid
    this.options.onBound(uid)
  }
}

/**
 * Whether the pod is the only one that the Job has ever had: no other exists, and its controller has counted none that
 * is over. A Job's pod does not vanish before it has been counted (it has a finalizer), so the pods are read first.
 * Throws `ClusterError`.
 */
export async function isFirstPod(
  jobName: string,
  uid: string,
  cluster: Pick<Cluster, 'getJob' | 'podsOfJob'>,
): Promise<boolean> {
  const pods = await cluster.podsOfJob(jobName)
  const job = await cluster.getJob(jobName)
  if (!job || pods.length !== 1 || pods[0]?.metadata?.uid !== uid) return false
  return countedPods(job) === 0
}

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

function countedPods({ status = {} }: V1Job): number {
  const { failed = 0, succeeded = 0, terminating = 0, uncountedTerminatedPods: open } = status
  return (
    failed + succeeded + terminating + (open?.failed?.length ?? 0) + (open?.succeeded?.length ?? 0)
  )
}
