import { eventsAbout, eventText } from './events.js'
import type { Seen, Verdict, Waiting } from './judgement.js'
import { hasRun, over, ripe, waiting } from './over.js'
import { spanText, timeOf } from './words.js'

/** The Job has started and has no pod, and nobody says why. */
export function emptyJob(seen: Seen): Verdict | undefined {
  const { pod, job, limits } = seen
  if (pod || !job) return undefined
  const started = timeOf(job.status?.startTime)
  if ((job.status?.active ?? 0) > 0 || !ripe(seen, started, limits.emptyJobMs)) return undefined
  const [newest] = eventsAbout('Job', job.metadata, seen.jobEvents)
  return over('EmptyJob', seen, {
    text: [
      `The Job started more than ${spanText(limits.emptyJobMs)} ago and has no pod (empty-job-grace-period).`,
      newest && eventText(newest),
      'A retry may help. Whoever runs the cluster finds more with kubectl describe job.',
    ],
  })
}

/** There is no pod yet. */
export function noPod({ pod }: Seen): Verdict | undefined {
  return pod ? undefined : waiting('NoPod', 'The Job has no pod yet.')
}

/** Whatever the pod waits for, it has waited for too long. A suspended Job only waits, and so does an agent that calls. */
export function pendingTooLong(seen: Seen, { reason, message }: Waiting): Verdict | undefined {
  const { pod, job, limits } = seen
  if (reason === 'Suspended' || (pod && hasRun(seen))) return undefined
  const since = pod
    ? timeOf(pod.metadata?.creationTimestamp)
    : (timeOf(job?.status?.startTime) ?? timeOf(job?.metadata?.creationTimestamp))
  if (!ripe(seen, since, limits.pendingMs)) return undefined
  const text = `The pod has not come to run its agent within ${spanText(limits.pendingMs)} (pod-pending-timeout). Until now:`
  return over('PendingTooLong', seen, { text: [text, message] })
}
