import { lines, type Seen } from './judgement.js'
import { condition } from './status.js'

/** Why the cluster stopped a pod: a short word for machines, and what people read. */
export interface StopReason {
  cause: string
  message: string
}

/**
 * Why a pod was stopped whose agent says that it was told to stop and has finished its job by itself; undefined when
 * the cluster says nothing of it.
 */
export function stopReason({ pod, job }: Pick<Seen, 'pod' | 'job'>): StopReason | undefined {
  // The Job's controller names its target before the pods are gone, and the failure when they are.
  const failed = job?.status?.conditions?.find(
    ({ type, status }) => (type === 'FailureTarget' || type === 'Failed') && status === 'True',
  )
  if (failed?.reason === 'DeadlineExceeded') {
    const message = lines('The Job was active for longer than it may be.', failed.message)
    return { cause: 'DeadlineExceeded', message }
  }
  const disruption = pod && condition(pod, 'DisruptionTarget', 'True')
  if (disruption) {
    const cause = disruption.reason ?? 'DisruptionTarget'
    const message = lines(`The cluster took the pod away: ${cause}.`, disruption.message)
    return { cause, message }
  }
  const deleted = pod?.metadata?.deletionTimestamp !== undefined || !pod
  return deleted
    ? { cause: 'PodDeleted', message: 'The pod was deleted while the job ran.' }
    : undefined
}
