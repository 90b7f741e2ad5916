import type { V1JobCondition, V1PodCondition } from '@kubernetes/client-node'
import { lines } from './judgement.js'

/** Why the cluster ended a pod: a short word for machines, and what people read. */
export interface Reason {
  cause: string
  message: string
}

/** The Job reached its deadline; the condition is its controller's word for it. */
export function deadlineReason({ message }: V1JobCondition): Reason {
  const text = lines('The Job was active for longer than it may be.', message)
  return { cause: 'DeadlineExceeded', message: text }
}

/** A drained node, a pod of higher priority, a taint; the condition is the pod's DisruptionTarget. */
export function disruptionReason({ reason, message }: V1PodCondition): Reason {
  const cause = reason ?? 'DisruptionTarget'
  return { cause, message: lines(`The cluster took the pod away: ${cause}.`, message) }
}

/** Somebody deleted the pod. */
export const deletedReason: Reason = {
  cause: 'PodDeleted',
  message: 'The pod was deleted while the job ran.',
}
