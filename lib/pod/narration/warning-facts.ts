import type { CoreV1Event } from '@kubernetes/client-node'
import { containerOf, eventTime } from '../verdict/events.js'
import { firstTime, timesOf } from './events.js'
import { allContainers, hasStarted, isPrepared } from './pod-state.js'
import { quote } from './said.js'
import type { Fact, Known } from './facts.js'
import { isTold } from './waiting-facts.js'

/** What else Kubernetes warns of, in its own words: the newest of each kind, and how often it has said it. */
export function warningFacts(known: Known): Fact[] {
  const warnings = [...podWarnings(known), ...claimWarnings(known)].filter(
    event => !isTold(event, known),
  )
  const keys = [...new Set(warnings.map(keyOf))]
  return keys.map(key => {
    const same = warnings.filter(event => keyOf(event) === key)
    return warningFact(key, same, known)
  })
}

function podWarnings(known: Known): CoreV1Event[] {
  const { events, pod } = known
  if (!pod) return []
  return events.filter(
    event => event.type === 'Warning' && !isNoise(event) && !isOvercome(event, known),
  )
}

function claimWarnings({ claimEvents, pod }: Known): CoreV1Event[] {
  return pod?.spec?.nodeName ? [] : claimEvents.filter(({ type }) => type === 'Warning')
}

// Kubernetes says these beside what says more.
function isNoise({ reason, message = '' }: CoreV1Event): boolean {
  if (reason === 'Failed') return /^Error: \w+$/.test(message)
  return noise.has(reason ?? '')
}

// Sidecars that end and probes that fail, and what autoscalers do, have facts of their own.
const noise = new Set(['BackOff', 'Unhealthy', 'NotTriggerScaleUp', 'Killing', 'DNSConfigForming'])

const ofScheduling = new Set(['FailedScheduling', 'SchedulerError'])
const ofPreparing = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedMapVolume',
  'FailedCreatePodSandBox',
  'FailedPodSandBoxStatus',
  'NetworkNotReady',
])

/** Whether the pod has come further since. */
function isOvercome(event: CoreV1Event, { pod, verdict }: Known): boolean {
  const reason = event.reason ?? ''
  if (!pod) return true
  if (ofScheduling.has(reason)) {
    // The scheduler's last words are the verdict's to tell; another's (Karpenter's) are not.
    return Boolean(pod.spec?.nodeName) || (tellsOfNodes(verdict) && isScheduler(event, pod.spec))
  }
  if (ofPreparing.has(reason)) return isPrepared(pod)
  const name = containerOf(event)
  return allContainers(pod).some(one => one.name === name && hasStarted(one))
}

function tellsOfNodes(verdict: Known['verdict']): boolean {
  return verdict.state === 'waiting' && !/^(?:NoPod|Pending)$/.test(verdict.reason)
}

function isScheduler(
  { reportingComponent, source }: CoreV1Event,
  spec: { schedulerName?: string } | undefined,
): boolean {
  const name = spec?.schedulerName ?? 'default-scheduler'
  return (reportingComponent || source?.component) === name
}

// A failed mount is another one for each volume.
function keyOf({ reason, involvedObject, message = '' }: CoreV1Event): string {
  const volume = /for volume "([^"]+)"/.exec(message)?.[1]
  const { kind, name, fieldPath } = involvedObject
  return ['event', kind, name, reason, fieldPath ?? volume ?? ''].join(':')
}

function warningFact(key: string, events: readonly CoreV1Event[], { redact }: Known): Fact {
  const [event] = events.toSorted((a, b) => eventTime(b) - eventTime(a))
  const times = events.reduce((sum, one) => sum + timesOf(one), 0)
  return {
    key,
    atMs: Math.min(...events.map(firstTime)),
    text: quote({ ...event, times }, redact),
    again: true,
  }
}
