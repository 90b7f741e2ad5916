import type { V1Pod } from '@kubernetes/client-node'
import { eventText, eventsAbout } from './events.js'
import type { Cause } from './causes.js'
import type { Seen } from './judgement.js'
import { condition, isFinal } from './status.js'
import { entryOf, lines, listOf, quote, textOf } from './words.js'

/** Why the cluster ended a pod: our cause, and what people read. */
export interface TakenReason {
  cause: Cause
  text: (string | undefined)[]
}

/** Why the cluster took the pod away, when it says so: in the pod's status, in its condition, or in an event. */
export function takenReason({
  pod,
  events,
}: Pick<Seen, 'pod' | 'events'>): TakenReason | undefined {
  if (pod && isFinal(pod) && textOf(pod.status?.reason) !== '') return statusReason(pod)
  const disruption = pod && condition(pod, 'DisruptionTarget', 'True')
  if (disruption) {
    const reason = textOf(disruption.reason)
    const byKubelet = reason === 'TerminationByKubelet' && kubeletCause(textOf(disruption.message))
    const cause = byKubelet || (entryOf(disruptions, reason) ?? 'Disrupted')
    return told(cause, quote(disruption.reason, disruption.message))
  }
  const event = eventsAbout('Pod', pod?.metadata, events).find(
    ({ reason }) => entryOf(announced, reason) !== undefined,
  )
  const cause = event && entryOf(announced, event.reason)
  if (!event || !cause) return undefined
  return told(cause === 'Evicted' ? kubeletCause(textOf(event.message)) : cause, eventText(event))
}

/** Why a pod was deleted: what the cluster says of it, else that somebody did it, and what is known of who it was. */
export function deletedReason(
  seen: Pick<Seen, 'pod' | 'job' | 'events' | 'jobEvents'>,
): TakenReason {
  const reason = takenReason(seen)
  if (reason) return reason
  const { job, jobEvents } = seen
  const byJob = eventsAbout('Job', job?.metadata, jobEvents).find(
    ({ reason: name }) => name === 'SuccessfulDelete' || name === 'Suspended',
  )
  const jobGone = !job || job.metadata?.deletionTimestamp
  return {
    cause: 'PodDeleted',
    text: [
      byJob ? 'The Job of this pod deleted it.' : 'Somebody deleted the pod of this job.',
      byJob && eventText(byJob),
      jobGone && !byJob ? 'Its Job is gone as well, and a Job takes its pod with it.' : undefined,
      byJob || jobGone
        ? undefined
        : "Kubernetes does not say who; the API server's audit log does.",
    ],
  }
}

/** The Job's or the pod's deadline; the condition is its controller's word for it. */
export function deadlineText(said: { reason?: string; message?: string }): string {
  return lines(
    'The Job was active for longer than it may be.',
    quote(said.reason, said.message),
    'Raise activeDeadlineSeconds of the step (its limit counts waiting, too), or let the job take less time.',
  )
}

/** The Job's condition that says that it fails, or has failed. */
export function jobFailure(job: Seen['job'], types: readonly string[] = ['Failed']) {
  return listOf(job?.status?.conditions).find(
    ({ type, status }) => types.includes(type) && status === 'True',
  )
}

// The reasons of a DisruptionTarget condition (Kubernetes, pod disruption conditions).
const disruptions: Record<string, Cause> = {
  PreemptionByScheduler: 'Preempted',
  PreemptionByKubeScheduler: 'Preempted',
  DeletionByTaintManager: 'EvictedByTaint',
  EvictionByEvictionAPI: 'EvictedByRequest',
  DeletionByPodGC: 'NodeGone',
}

// The events of a pod that announce who takes it away.
const announced: Record<string, Cause> = {
  Preempted: 'Preempted',
  TaintManagerEviction: 'EvictedByTaint',
  Evicted: 'Evicted',
  ScaleDown: 'EvictedByRequest',
  NodeShutdown: 'NodeShutdown',
}

// The reasons of a failed pod's status (kubelet: eviction, node shutdown, admission).
const podReasons: Record<string, Cause> = {
  Preempting: 'Preempted',
  Terminated: 'NodeShutdown',
  NodeShutdown: 'NodeShutdown',
  Shutdown: 'NodeShutdown',
  NodeLost: 'NodeLost',
  DeadlineExceeded: 'DeadlineExceeded',
  NodeAffinity: 'NodeRefused',
  UnexpectedAdmissionError: 'NodeRefused',
}

function statusReason(pod: V1Pod): TakenReason {
  const [reason, message] = [textOf(pod.status?.reason), textOf(pod.status?.message)]
  const said = quote(reason, message)
  if (reason === 'DeadlineExceeded') {
    return { cause: 'DeadlineExceeded', text: [deadlineText({ reason, message })] }
  }
  if (reason === 'Evicted') return told(kubeletCause(message), said)
  if (/^OutOf/.test(reason)) return told('NodeRefused', said)
  const cause = entryOf(podReasons, reason)
  return cause ? told(cause, said) : { cause: 'PodFailed', text: ['The pod failed.', said] }
}

// A kubelet ends a pod for the pod's own sake, for its node's, or for a more important pod's; its words tell which.
function kubeletCause(message: string): Cause {
  if (/exceeds the (total )?limit|exceeded its local ephemeral storage limit/.test(message)) {
    return 'StorageLimit'
  }
  if (/shutdown|shutting down/i.test(message)) return 'NodeShutdown'
  return /preempt/i.test(message) ? 'Preempted' : 'Evicted'
}

function told(cause: Cause, said: string | undefined): TakenReason {
  const resource = /low on resource: ([\w-]+)/.exec(said ?? '')?.[1]
  const text =
    cause === 'Evicted' && resource !== undefined
      ? `The node ran short of ${resource} and ended the pod.`
      : sentences[cause]
  return { cause, text: [text ?? 'The cluster took the pod away.', said, remedies[cause]] }
}

const sentences: Partial<Record<Cause, string>> = {
  Evicted: 'The node ended the pod.',
  StorageLimit: 'The pod wrote more to its disk than its limit allows, and was evicted.',
  EvictedByRequest: 'The pod was evicted: somebody drains its node, or an autoscaler removes it.',
  EvictedByTaint: 'The node of the pod got a taint that the pod does not tolerate.',
  Preempted: 'A pod of higher priority took the place of this one.',
  Disrupted: 'The cluster took the pod away.',
  NodeShutdown: 'The node of the pod shuts down.',
  NodeGone: 'The node of the pod was removed from the cluster.',
  NodeLost: 'The node of the pod is lost.',
  NodeRefused: 'The node that the pod was sent to did not take it.',
}

const retry = 'The step is not to blame: a retry may help.'
const remedies: Partial<Record<Cause, string>> = {
  Evicted:
    'A retry may help, and so do requests of what the step really uses: pods that use more than they asked for go first.',
  StorageLimit: 'Raise resources.limits["ephemeral-storage"], or the sizeLimit of the volume.',
  EvictedByRequest: retry,
  EvictedByTaint: retry,
  Preempted: retry,
  Disrupted: retry,
  NodeShutdown: retry,
  NodeGone: retry,
  NodeLost: retry,
  NodeRefused: retry,
}
