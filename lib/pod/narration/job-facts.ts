import type { CoreV1Event, V1Job } from '@kubernetes/client-node'
import { eventTime } from '../verdict/events.js'
import { timeOf } from '../verdict/words.js'
import { duration } from './amounts.js'
import { firstTime, newest, reporter } from './events.js'
import { waitingSince } from './pod-state.js'
import { ours, quote } from './said.js'
import type { Fact, Known } from './facts.js'

/** Whether the Job may run at all: a queue such as Kueue keeps it suspended until there is quota for it. */
export function jobFacts(known: Known): Fact[] {
  return [...suspended(known), ...queueWords(known), ...resumed(known)]
}

function suspended({ job, pod, now }: Known): Fact[] {
  if (!job?.spec?.suspend || pod) return []
  const queue = job.metadata?.labels?.['kueue.x-k8s.io/queue-name']
  const text = queue
    ? `The Job is queued: Kueue lets it go on when queue ${queue} has quota for it.`
    : 'The Job is suspended: a queue (such as Kueue), or whoever suspended it, must let it go on.'
  const atMs = timeOf(condition(job)?.lastTransitionTime) ?? waitingSince(job, pod) ?? now
  return [{ key: 'suspended', atMs, text: ours(text) }]
}

function resumed({ job, pod }: Known): Fact[] {
  const since = waitingSince(job, pod)
  const resumption = job && condition(job)
  const atMs = timeOf(resumption?.lastTransitionTime)
  if (resumption?.status !== 'False' || atMs === undefined || since === undefined) return []
  const text = `The Job may run now. It was suspended for ${duration(atMs - since)}.`
  return [{ key: 'resumed', atMs, text: ours(text) }]
}

function condition(job: V1Job) {
  return job.status?.conditions?.find(({ type }) => type === 'Suspended')
}

// What the Job's own controller says is in the Job's status, or about a pod that the verdict tells of.
// Its numbers change with each look at the queue, so that the newest of a kind stands for all.
function queueWords({ jobEvents, redact }: Known): Fact[] {
  const said = jobEvents.filter(isOfQueue)
  return [...new Set(said.map(({ reason = '' }) => reason))].flatMap(reason => {
    const event = newest(said, reason)
    if (!event) return []
    const atMs = event.type === 'Warning' ? eventTime(event) : firstTime(event)
    return [{ key: `queue:${reason}`, atMs, text: quote(event, redact), again: true }]
  })
}

function isOfQueue(event: CoreV1Event): boolean {
  const who = reporter(event)
  if (who === 'job-controller' || /job-spawner/.test(who)) return false
  return event.type === 'Warning' || tellingReasons.has(event.reason ?? '')
}

// Kueue's, but for those about the objects that it makes for itself.
const tellingReasons = new Set(['Started', 'Stopped', 'Suspended', 'Preempted', 'Pending'])
