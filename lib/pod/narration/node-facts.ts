import { eventTime } from '../verdict/events.js'
import { duration } from './amounts.js'
import { firstTime, newest } from './events.js'
import { nodeOf, waitingSince } from './pod-state.js'
import { ours, quote } from './said.js'
import type { Fact, Known } from './facts.js'

/** The way to a node: what the autoscalers do while the pod has none, then the node that took it. */
export function nodeFacts(known: Known): Fact[] {
  return known.pod?.spec?.nodeName ? taken(known) : [...preempting(known), ...autoscalers(known)]
}

function taken({ pod, job, now }: Known): Fact[] {
  const node = nodeOf(pod)
  if (!node) return []
  const after = node.atMs - (waitingSince(job, pod) ?? now)
  const wait = after < 1_000 ? 'at once' : `after ${duration(after)}`
  const text = `Node ${node.name} took pod ${pod?.metadata?.name} ${wait}.`
  return [{ key: `node:${pod?.metadata?.name}`, atMs: node.atMs, text: ours(text) }]
}

function preempting({ pod, now }: Known): Fact[] {
  const node = pod?.status?.nominatedNodeName
  if (!node) return []
  const text = `Pods of lower priority are to leave node ${node} to this one.`
  return [{ key: `preempting:${node}`, atMs: now, text: ours(text) }]
}

// An autoscaler says that it adds no node for a pod also while one is on its way.
function autoscalers({ events, redact }: Known): Fact[] {
  const promise = newest(events, 'TriggeredScaleUp', 'Nominated')
  const refusal = newest(events, 'NotTriggerScaleUp')
  const isRefused = refusal && (!promise || eventTime(refusal) - eventTime(promise) >= scaleUpMs)
  const event = isRefused ? refusal : promise
  if (!event?.reason) return []
  const { reason } = event
  const text = [quote(event, redact), ours(conclusions[reason] ?? '')].join('\n')
  return [{ key: `autoscaler:${reason}`, atMs: firstTime(event), text, again: true }]
}

/** How long a new node may take to come. */
const scaleUpMs = 300_000

const conclusions: Record<string, string> = {
  TriggeredScaleUp: 'The autoscaler is adding a node, which takes a minute or more.',
  Nominated:
    'The autoscaler has a node for the pod, or is starting one, which takes a minute or more.',
  NotTriggerScaleUp: 'The autoscaler adds no node for this pod as it is.',
}
