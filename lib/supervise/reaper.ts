import type { V1Job, V1Node, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { agentState } from '../pod/verdict/status.js'
import { leftUntil } from './after-run.js'
import { isNotReady } from './node-looks.js'
import { deleteUnfinished, isFinished } from './unfinished.js'
import { jobIdOf } from './view.js'

/** What of the cluster is ours, and what is known of it. */
export interface Reapable {
  jobs: readonly V1Job[]
  pods: readonly V1Pod[]
  podOf: (jobId: string) => V1Pod | undefined
  /** Whether the job has a run, or had one a moment ago. */
  isRun: (jobId: string) => boolean
  /** Whether the job has a run that goes on. */
  isOpen: (jobId: string) => boolean
  /** Milliseconds since 1970. */
  now: number
}

/** A Job must have been without a run for so long: its run may be about to be known. */
export const orphanMs = 15_000

// A kubelet that lives has removed a pod long before.
const stuckMs = 30_000

/**
 * The Jobs that go on although their job is none of ours, with the time since when that is so: `before` are those of
 * the last time that we looked. By UID; a pod that is held for people to look into it is left alone.
 */
export function orphansOf(
  { jobs, podOf, isRun, now }: Reapable,
  before: ReadonlyMap<string, number>,
): { since: Map<string, number>; ripe: V1Job[] } {
  const orphans = jobs.filter(
    job => !isFinished(job) && !job.metadata?.deletionTimestamp && !isRun(jobIdOf(job)),
  )
  const since = new Map(orphans.map(job => [uidOf(job), before.get(uidOf(job)) ?? now]))
  const ripe = orphans.filter(job => {
    const from = since.get(uidOf(job)) ?? now
    const pod = podOf(jobIdOf(job))
    return now - from >= orphanMs && !(pod && isHeld(pod, now))
  })
  return { since, ripe }
}

/** The pods that should have been gone for long, and that no run of ours counts on. */
export function stuckPods({ pods, isOpen, now }: Reapable): V1Pod[] {
  return pods.filter(pod => {
    const { deletionTimestamp } = pod.metadata ?? {}
    if (!deletionTimestamp || isOpen(jobIdOf(pod))) return false
    // The time at which its grace is over.
    return now - new Date(deletionTimestamp).getTime() >= stuckMs
  })
}

/** What reaping needs. */
export interface ReaperContext {
  cluster: Pick<Cluster, 'getJob' | 'deleteJob' | 'getPod' | 'deletePod'>
  /** How a node is now; undefined where there is none, or we may not ask. */
  freshNode: (name: string) => Promise<V1Node | undefined>
  log: Log
}

/** Deletes the Jobs of ours that have no run; what is finished is left to its TTL. */
export async function deleteOrphanJobs(
  ripe: readonly V1Job[],
  { isRun }: Pick<Reapable, 'isRun'>,
  { cluster, log }: ReaperContext,
): Promise<void> {
  for (const job of ripe) {
    const name = job.metadata?.name ?? ''
    if (isRun(jobIdOf(job))) continue
    try {
      if (await deleteUnfinished(name, cluster)) log.warn({ name }, 'Job without a run, deleted')
    } catch (error) {
      log.warn({ err: error, name }, 'Job without a run, not deleted')
    }
  }
}

/** Removes the pods whose kubelet is dead, so that nothing waits for them any more. */
export async function forceDeleteStuck(
  pods: readonly V1Pod[],
  { cluster, freshNode, log }: ReaperContext,
): Promise<void> {
  for (const { metadata, spec } of pods) {
    const { name = '', uid } = metadata ?? {}
    const node = spec?.nodeName ?? ''
    try {
      if (!isNotReady(await freshNode(node))) continue
      const now = await cluster.getPod(name)
      if (!now?.metadata?.deletionTimestamp || now.metadata.uid !== uid) continue
      log.warn({ pod: name, node }, 'pod stays on a node that is dead, removing it')
      await cluster.deletePod(name, { graceSeconds: 0 })
    } catch (error) {
      log.warn({ err: error, pod: name }, 'pod on a dead node not removed')
    }
  }
}

function isHeld(pod: V1Pod, now: number): boolean {
  return agentState(pod)?.terminated !== undefined && now < leftUntil(pod, 0)
}

function uidOf({ metadata }: V1Job): string {
  return metadata?.uid ?? metadata?.name ?? ''
}
