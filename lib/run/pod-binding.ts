import type { V1Job } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'

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

function countedPods({ status = {} }: V1Job): number {
  const { failed = 0, succeeded = 0, terminating = 0, uncountedTerminatedPods: open } = status
  return (
    failed + succeeded + terminating + (open?.failed?.length ?? 0) + (open?.succeeded?.length ?? 0)
  )
}
