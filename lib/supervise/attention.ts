import type { V1Pod } from '@kubernetes/client-node'
import { agentRuns, condition } from '../pod/verdict/status.js'

// The pod agent polls every two to four seconds.
const silentMs = 8_000

// By then a healthy kubelet has told how far it is with a pod that it was given.
const beginningMs = 20_000

/** Whether a pod runs, and all of it, so that looking at it now and then will do. */
export function isQuiet(pod: V1Pod | undefined): boolean {
  if (!pod || pod.metadata?.deletionTimestamp || !agentRuns(pod)) return false
  const statuses = pod.status?.containerStatuses ?? []
  return (
    statuses.every(({ state }) => state?.running) && condition(pod, 'Ready', 'True') !== undefined
  )
}

/**
 * Whether to ask how a pod's node is: the pod is not ready, and nothing is heard of it. `agentSilentMs` is the time
 * since its agent last called, undefined when it has not called.
 */
export function needsNode(
  pod: V1Pod | undefined,
  { agentSilentMs, now }: { agentSilentMs: number | undefined; now: number },
): boolean {
  if (!pod?.spec?.nodeName || condition(pod, 'Ready', 'True')) return false
  if (agentSilentMs !== undefined) return agentSilentMs >= silentMs
  const since = condition(pod, 'PodScheduled', 'True')?.lastTransitionTime
  return since !== undefined && now - new Date(since).getTime() >= beginningMs
}
