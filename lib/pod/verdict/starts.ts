import type { V1Pod } from '@kubernetes/client-node'
import { configTrouble } from './config.js'
import { containerOf, eventsAbout, eventTime } from './events.js'
import { imageTrouble } from './images.js'
import type { Seen, Verdict } from './judgement.js'
import { nodeTrouble } from './mounts.js'
import { hasRun, over, ripe, waiting } from './over.js'
import {
  agentRuns,
  condition,
  initStatuses,
  ledContainers,
  podStart,
  waitingContainers,
} from './status.js'
import { worstOf, type Trouble } from './trouble.js'
import { listOf, quote, timeOf } from './words.js'

/** What is known of a pod, but not the time. */
type Known = Omit<Seen, 'job' | 'now'>

/** A container cannot start: at once over, over after a while, or waited for, by what the trouble is. */
export function cannotStart(seen: Seen): Verdict | undefined {
  const { pod } = seen
  const trouble = pod && worstOf(containerTroubles(pod, seen))
  if (!pod || !trouble) return undefined
  const startable = startableSince(pod, trouble.container) ?? seen.now
  const failed = firstFailure(pod, trouble.container, seen) ?? startable
  return judged(seen, trouble, Math.max(startable, failed))
}

/** What keeps containers of the pod from starting, of those that the job needs. */
export function containerTroubles(pod: V1Pod, seen: Known): Trouble[] {
  return waitingContainers(pod)
    .filter(({ name }) => isNeeded(pod, name, seen))
    .flatMap(container => imageTrouble(container, pod, seen) ?? configTrouble(container) ?? [])
}

/** The node cannot mount the pod's volumes, or make its sandbox. */
export function nodeCannotStart(seen: Seen): Verdict | undefined {
  const { pod } = seen
  const trouble = pod && nodeTrouble(pod, seen)
  return trouble && judged(seen, trouble, podStart(pod))
}

/** The pod agent runs: all else is its to judge. */
export function running({ pod }: Seen): Verdict | undefined {
  return pod && agentRuns(pod) ? { state: 'running' } : undefined
}

/** Containers are being made; the first that waits stands for all. */
export function starting({ pod }: Seen): Verdict | undefined {
  const [first] = pod ? waitingContainers(pod) : []
  if (!first) return undefined
  const text = `Container ${first.name} has not started: ${first.reason}.`
  return waiting(first.reason, text, quote(undefined, first.message))
}

function judged(seen: Seen, trouble: Trouble, since: number | undefined): Verdict {
  const { cause, graceMs, reason, text } = trouble
  if (ripe(seen, since ?? seen.now, graceMs)) return over(cause, seen, { text })
  return waiting(reason, ...text)
}

// While the agent runs, only those count that it leads: what else is in the pod, by a patch, is not the job's. That the
// agent waits, or what comes before it, is old when it has called.
function isNeeded(pod: V1Pod, name: string, seen: Known): boolean {
  if (initStatuses(pod).some(status => status.name === name)) return !hasRun(seen)
  if (name === 'agent') return !hasRun(seen)
  const known = listOf(pod.spec?.containers).some(container => container.name === name)
  return !known || ledContainers(pod).includes(name)
}

// A large image is pulled for minutes before that fails, or its container can't be made. Without events nobody knows.
function firstFailure(pod: V1Pod, name: string | undefined, { events }: Known): number | undefined {
  const times = eventsAbout('Pod', pod.metadata, events)
    .filter(event => event.reason === 'Failed' && containerOf(event) === name)
    .map(event => timeOf(event.firstTimestamp) ?? eventTime(event))
  return times.length === 0 ? undefined : Math.min(...times)
}

// A container has waited since those before it were done: they may have taken minutes.
function startableSince(pod: V1Pod, name: string | undefined): number | undefined {
  const init = initStatuses(pod)
  const place = init.findIndex(status => status.name === name)
  if (place < 0) {
    return timeOf(condition(pod, 'Initialized', 'True')?.lastTransitionTime) ?? podStart(pod)
  }
  const ends = init.slice(0, place).map(({ state }) => timeOf(state?.terminated?.finishedAt))
  return ends.findLast(time => time !== undefined) ?? podStart(pod)
}
