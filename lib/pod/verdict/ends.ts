import type { V1Job, V1Pod } from '@kubernetes/client-node'
import { lines, over, type Seen, type Verdict } from './judgement.js'
import { deadlineReason, deletedReason, disruptionReason } from './reasons.js'
import {
  agentRuns,
  agentStarted,
  agentState,
  condition,
  failedInit,
  signalName,
  type EndedContainer,
} from './status.js'

/** The Job reached its deadline. */
export function deadlineExceeded({ pod, job }: Seen): Verdict | undefined {
  const failed = jobFailure(job)
  if (failed?.reason !== 'DeadlineExceeded' || (pod && agentRuns(pod))) return undefined
  return over({ ...deadlineReason(failed), pod })
}

/** There was a pod, and there is none. */
export function podGone({ pod, podSeenBefore }: Seen): Verdict | undefined {
  if (pod || !podSeenBefore) return undefined
  return over({ ...deletedReason, pod })
}

/** The pod failed for a reason of its own: evicted, refused by the node, lost with it. */
export function podFailedWithReason({ pod }: Seen): Verdict | undefined {
  if (pod?.status?.phase !== 'Failed' || !pod.status.reason) return undefined
  const { reason, message } = pod.status
  return over({ cause: reason, message: lines(`The pod failed: ${reason}.`, message), pod })
}

/** The cluster took the pod away: a drained node, a pod of higher priority, a taint. */
export function disrupted({ pod }: Seen): Verdict | undefined {
  const disruption = pod && condition(pod, 'DisruptionTarget', 'True')
  if (!disruption || agentRuns(pod) || !ends(pod)) return undefined
  return over({ ...disruptionReason(disruption), pod })
}

/** The cluster announces a disruption before it acts, and may yet leave a pod alone. */
function ends(pod: V1Pod): boolean {
  const final = pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded'
  return final || pod.metadata?.deletionTimestamp !== undefined || agentStarted(pod)
}

/** An init container failed, so that no other container will start. */
export function initFailed({ pod }: Seen): Verdict | undefined {
  const failed = pod && failedInit(pod)
  if (!failed) return undefined
  const cause = failed.state.reason === 'OOMKilled' ? 'OOMKilled' : 'InitFailed'
  const text = lines('An init container failed.', endText(failed), failed.state.message)
  return over({ cause, message: text, pod })
}

/** The pod agent ended, and nobody else can finish the job. */
export function agentEnded({ pod }: Seen): Verdict | undefined {
  const state = pod && agentState(pod)?.terminated
  if (!state) return undefined
  const cause = state.reason === 'OOMKilled' ? 'OOMKilled' : 'AgentExited'
  const end = endText({ name: 'agent', state })
  const text = lines('The agent ended without finishing the job.', end, state.message)
  return over({ cause, message: text, pod, signal: signalName(state) })
}

/** Without the agent container's own end: the kubelet gave the pod up before it could tell. */
export function podEnded({ pod }: Seen): Verdict | undefined {
  const phase = pod?.status?.phase
  if (phase === 'Succeeded') {
    return over({ cause: 'AgentExited', message: 'The pod ended without finishing the job.', pod })
  }
  if (phase !== 'Failed') return undefined
  return over({ cause: 'PodFailed', message: lines('The pod failed.', pod?.status?.message), pod })
}

/** The Job failed, and no pod says why. */
export function jobFailed({ pod, job }: Seen): Verdict | undefined {
  const failed = jobFailure(job)
  if (!failed || (pod && agentRuns(pod))) return undefined
  const cause = failed.reason ?? 'JobFailed'
  return over({ cause, message: lines(`The Job failed: ${cause}.`, failed.message), pod })
}

function jobFailure(job: V1Job | undefined) {
  return job?.status?.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True')
}

function endText({ name, state }: EndedContainer): string {
  const signal = signalName(state)
  const parts = [`exit code ${state.exitCode}`, signal, state.reason].filter(Boolean)
  return `Container ${name}: ${parts.join(', ')}.`
}
