import { eventsAbout, eventText } from './events.js'
import type { Cause } from './causes.js'
import type { Seen, Verdict } from './judgement.js'
import { over, ripe, waiting } from './over.js'
import { exceedsQuota } from './quota.js'
import { atOnce, missingMs, passing } from './trouble.js'
import { textOf, timeOf } from './words.js'

/** The API server does not take the pod that the Job's controller wants to make; only the Job's events say so. */
export function podRefused(seen: Seen): Verdict | undefined {
  const { pod, job, jobEvents } = seen
  if (pod || !job) return undefined
  const event = eventsAbout('Job', job.metadata, jobEvents).find(one =>
    ofController.has(textOf(one.reason)),
  )
  if (event?.reason !== 'FailedCreate') return undefined
  const kind = kindOf(textOf(event.message))
  const text = [`The Job has no pod: ${kind.text}.`, eventText(event), kind.help]
  const since = timeOf(job.status?.startTime) ?? timeOf(job.metadata?.creationTimestamp)
  if (kind.cause === undefined || !ripe(seen, since, kind.graceMs)) {
    return waiting(kind.reason ?? 'PodRefused', ...text)
  }
  return over(kind.cause, seen, { text })
}

// Others (a queue, a policy engine) speak of Jobs as well, and what they say changes nothing of a refusal.
const ofController: ReadonlySet<string> = new Set([
  'FailedCreate',
  'SuccessfulCreate',
  'SuccessfulDelete',
  'Suspended',
  'Resumed',
])

/** A kind of refusal. Without a cause it passes. */
interface Kind {
  cause?: Cause
  reason?: string
  graceMs: number
  text: string
  help: string
}

const refusal: Kind = {
  cause: 'PodRefused',
  graceMs: atOnce,
  text: 'Kubernetes or a policy of the cluster does not allow it',
  help: 'Change what Kubernetes names, or ask who runs the cluster.',
}

const kinds: { words: RegExp; kind: Kind }[] = [
  {
    words: /failed quota: .*must specify/,
    kind: {
      cause: 'PodRefused',
      graceMs: atOnce,
      text: 'a ResourceQuota asks each container for requests or limits that this one does not give',
      help: 'Give each container what Kubernetes names; to agent, checkout and copy-agent the operator gives it (pod-spec-patch).',
    },
  },
  {
    words: /exceeded quota/,
    kind: {
      reason: 'QuotaExceeded',
      graceMs: passing,
      text: 'the quota of the namespace is used up',
      help: 'It waits until other pods end.',
    },
  },
  {
    // Its words are its author's own, and may be any.
    words: /ValidatingAdmissionPolicy .* denied request: /,
    kind: refusal,
  },
  {
    words:
      /status unknown for quota|failed calling webhook|Internal error|request did not complete|i\/o timeout|timed out|deadline exceeded|etcdserver|connection refused|Too Many Requests|try again/i,
    kind: {
      graceMs: passing,
      text: 'the API server is in trouble',
      help: "That may pass: the Job's controller tries again.",
    },
  },
  {
    words:
      /service ?account.* not found|no PriorityClass|RuntimeClass "[^"]*" not found|no API token found/i,
    kind: {
      cause: 'PodRefused',
      graceMs: missingMs,
      text: 'something that it names does not exist',
      help: 'Make it, or mend the name.',
    },
  },
  {
    words: /(maximum|minimum) \S+ usage per|request to limit ratio/,
    kind: {
      cause: 'PodRefused',
      graceMs: atOnce,
      text: 'a LimitRange does not allow what it asks for',
      help: "Keep the container's requests and limits within the LimitRange.",
    },
  },
  {
    words:
      /is forbidden|is invalid|denied the request|request is too large|Unsupported value|admission webhook/,
    kind: refusal,
  },
]

const unknown: Kind = {
  graceMs: passing,
  text: 'Kubernetes does not take it yet',
  help: "The Job's controller tries again.",
}

const neverFits: Kind = {
  cause: 'QuotaTooSmall',
  graceMs: atOnce,
  text: 'it asks for more than the whole quota of the namespace',
  help: 'Ask for less, or ask who runs the cluster for a bigger quota: it would not fit when no other pod ran.',
}

function kindOf(said: string): Kind {
  if (exceedsQuota(said)) return neverFits
  return kinds.find(({ words }) => words.test(said))?.kind ?? unknown
}
