import type { Seen } from './judgement.js'
import { deadlineReason, deletedReason, disruptionReason, type Reason } from './reasons.js'
import { condition } from './status.js'

/**
 * Why a pod was stopped whose agent says that it was told to stop and has finished its job by itself; undefined when
 * the cluster says nothing of it.
 */
export function stopReason({ pod, job }: Pick<Seen, 'pod' | 'job'>): Reason | undefined {
  // The Job's controller names its target before the pods are gone, and the failure when they are.
  const failed = job?.status?.conditions?.find(
    ({ type, status }) => (type === 'FailureTarget' || type === 'Failed') && status === 'True',
  )
  if (failed?.reason === 'DeadlineExceeded') return deadlineReason(failed)
  const disruption = pod && condition(pod, 'DisruptionTarget', 'True')
  if (disruption) return disruptionReason(disruption)
  return pod?.metadata?.deletionTimestamp !== undefined || !pod ? deletedReason : undefined
}
