import type { CoreV1Event } from '@kubernetes/client-node'
import { lines, newestOf, over, type Seen, type Verdict } from './judgement.js'

/** How long a refusal of the pod is borne at least: before that, looking at the Job's events brings no verdict. */
export const shortestRefusalGraceMs = 10_000

// What is missing may be made a moment later: a ServiceAccount, say.
const graceMs = 30_000

/** The API server does not take the pod that the Job's controller wants to make; only the Job's events say so. */
export function podRefused({ pod, job, now, jobEvents = [] }: Seen): Verdict | undefined {
  if (pod || !job) return undefined
  const event = newestOf(jobEvents.filter(isOf('Job', job.metadata?.uid)))
  if (event?.reason !== 'FailedCreate') return undefined
  const said = event.message ?? ''
  const cause = 'PodRefused'
  const message = lines('The Job has no pod: Kubernetes does not take it.', said)
  const since = new Date(job.metadata?.creationTimestamp ?? now).getTime()
  if (!isFinal(said) || now - since < graceMs) return { state: 'waiting', reason: cause, message }
  return { ...over({ cause, message, pod }), signalReason: 'stack_error' }
}

// A policy's last word, but a quota that others' jobs use up just now is none.
function isFinal(said: string): boolean {
  if (/exceeded quota|status unknown for quota/.test(said)) return false
  return /is forbidden|is invalid|denied the request|request is too large/.test(said)
}

function isOf(kind: string, uid: string | undefined) {
  return ({ involvedObject }: CoreV1Event) =>
    involvedObject.kind === kind && (!uid || !involvedObject.uid || involvedObject.uid === uid)
}
