import type { V1JobCondition, V1Pod } from '@kubernetes/client-node'
import type { Seen, Verdict } from './judgement.js'
import { over, ripe, waiting } from './over.js'
import { deadlineText, deletedReason, jobFailure, takenReason } from './reasons.js'
import { agentRuns, agentStarted, condition, isDeleted, isFinal } from './status.js'
import { listOf, quote, textOf, timeOf } from './words.js'

/** The Job reached its deadline. Its controller names that as its target before it has failed, and then deletes the pod. */
export function deadlineExceeded(seen: Seen): Verdict | undefined {
  const failed = jobFailure(seen.job, ['FailureTarget', 'Failed'])
  if (failed?.reason !== 'DeadlineExceeded' || (seen.pod && agentRuns(seen.pod))) return undefined
  return over('DeadlineExceeded', seen, { text: [deadlineText(failed)] })
}

// It asks for its job's state every two to four seconds.
const livesMs = 5_000

/**
 * There was a pod, and there is none. A pod that is deleted by force runs on until its kubelet has heard of it and its
 * grace is over: its agent is told to go, as of any other deleted pod, and finishes by itself.
 */
export function podGone(seen: Seen): Verdict | undefined {
  if (seen.pod || !seen.podSeenBefore) return undefined
  if ((seen.agent?.silentMs ?? Infinity) < livesMs) return { state: 'running' }
  const { cause, text } = deletedReason(seen)
  return over(cause, seen, { text })
}

/** The pod failed for a reason of its own: evicted, refused by the node, lost with it. */
export function podFailedWithReason(seen: Seen): Verdict | undefined {
  if (seen.pod?.status?.phase !== 'Failed' || textOf(seen.pod.status.reason) === '')
    return undefined
  const reason = takenReason(seen)
  return reason && over(reason.cause, seen, { text: reason.text })
}

/** The cluster took the pod away: a drained node, a pod of higher priority, a taint. */
export function disrupted(seen: Seen): Verdict | undefined {
  const { pod } = seen
  if (!pod || !condition(pod, 'DisruptionTarget', 'True') || isRunningStill(pod)) return undefined
  const reason = takenReason(seen)
  return reason && over(reason.cause, seen, { text: reason.text })
}

// The cluster announces a disruption before it acts, and may leave the pod alone after all. An agent that runs has been
// told: it finishes by itself.
function isRunningStill(pod: V1Pod): boolean {
  if (agentRuns(pod)) return true
  return !isFinal(pod) && !isDeleted(pod) && !agentStarted(pod)
}

// A kubelet that lives has removed a pod long before.
const overdueMs = 60_000

/**
 * The pod should have been gone for long, and its agent is silent: its kubelet is dead, also where we may not read nodes.
 * `deletionTimestamp` is the time at which its grace is over.
 */
export function overdue(seen: Seen): Verdict | undefined {
  const { pod, agent } = seen
  if (!pod || !agent || agent.writing) return undefined
  if ((agent.silentMs ?? Infinity) < overdueMs) return undefined
  if (!ripe(seen, timeOf(pod.metadata?.deletionTimestamp), overdueMs)) return undefined
  const { cause, text } = deletedReason(seen)
  const stuck = 'Its node has not removed it since, and its agent does not call any more.'
  return over(cause, seen, { text: [...text, stuck] })
}

/** Without the agent container's own end: the kubelet gave the pod up before it could tell. */
export function podEnded(seen: Seen): Verdict | undefined {
  const { pod } = seen
  if (!pod || !isFinal(pod)) return undefined
  if (pod.status?.phase === 'Succeeded') {
    return over('AgentExited', seen, { text: ['The pod ended without finishing the job.'] })
  }
  const text = ['The pod failed.', quote(undefined, pod.status?.message)]
  return over('PodFailed', seen, { text })
}

/** The Job failed, and no pod says why. */
export function jobFailed(seen: Seen): Verdict | undefined {
  const failed = jobFailure(seen.job)
  if (!failed || (seen.pod && agentRuns(seen.pod))) return undefined
  return over('JobFailed', seen, {
    text: ['The Job failed.', quote(failed.reason, failed.message)],
  })
}

/** A Job that does not run yet: a queue such as Kueue lets it go when it is its turn. */
export function suspended({ pod, job }: Seen): Verdict | undefined {
  if (pod || !job) return undefined
  if (job.spec?.suspend === true) {
    return waiting(
      'Suspended',
      'The Job is suspended: whoever suspended it (Kueue, say) lets it run.',
    )
  }
  // Until its controller has begun with it, its times are those before its suspension: no patience counts from them.
  if (!listOf(job.status?.conditions).some(isSuspension)) return undefined
  return waiting('Suspended', 'The Job may run now, and Kubernetes has not begun with it yet.')
}

function isSuspension({ type, status }: V1JobCondition): boolean {
  return type === 'Suspended' && status === 'True'
}
