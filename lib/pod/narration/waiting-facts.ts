import type { CoreV1Event } from '@kubernetes/client-node'
import { timeOf } from '../verdict/words.js'
import { firstTime } from './events.js'
import { allContainers } from './pod-state.js'
import { cut, ours, plain, quote, type Redact } from './said.js'
import type { Fact, Known } from './facts.js'

/** What the verdict says that the pod waits for, where that is more than its usual way. */
export function waitingFacts(known: Known): Fact[] {
  const { verdict, redact } = known
  if (verdict.state !== 'waiting' || isUsual(verdict)) return []
  const sources = kubernetesWords(known)
  const text = marked(verdict.message, sources, { reason: verdict.reason, redact })
  const atMs = beginning(known, verdict.message)
  return [{ key: `waiting:${topics[verdict.reason] ?? verdict.reason}`, atMs, text, again: true }]
}

/** What Kubernetes has said, and the reason that it gave. */
interface Words {
  reason: string
  text: string
}

// Every pod passes through these, and of a suspended Job the other facts say more.
const usual = new Set(['NoPod', 'Suspended', 'ContainerCreating', 'PodInitializing', 'Waiting'])

function isUsual({ reason, message }: { reason: string; message: string }): boolean {
  return usual.has(reason) || (reason === 'Pending' && /\bpending\b/.test(message))
}

// The kubelet goes from one of these to another with each attempt: the trouble is the same.
const topics: Record<string, string> = {
  ErrImagePull: 'image',
  ImagePullBackOff: 'image',
  ImageInspectError: 'image',
  RegistryUnavailable: 'image',
  ErrImageNeverPull: 'image',
  InvalidImageName: 'image',
}

/** Each line marked as whose it is: Kubernetes' when it has said it, else ours. */
function marked(
  message: string,
  sources: readonly Words[],
  { reason, redact }: { reason: string; redact: Redact },
): string {
  return redact(plain(message))
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => {
      const [, given, words = line] = quotePattern.exec(line) ?? []
      const source = sources.find(({ text }) => isQuoted(words, text))
      if (!source && words === line) return ours(cut(line))
      return quote({ reason: given ?? source?.reason ?? reason, message: words }, redact)
    })
    .join('\n')
}

// As a verdict marks Kubernetes' words, with the reason or without.
const quotePattern = /^Kubernetes says(?: \((\w+)\))?: (.*)$/

function isQuoted(line: string, text: string): boolean {
  return line.length >= 12 && (text.includes(line) || (text.length >= 12 && line === text.trim()))
}

// Events first, as people know their reasons from `kubectl describe`; but of an image or a container that one says no
// more than `Failed`, and the container's state says more.
function kubernetesWords({ events, jobEvents, claimEvents, pod, redact }: Known): Words[] {
  const conditions = pod?.status?.conditions ?? []
  const states = pod ? allContainers(pod).map(({ status }) => status?.state) : []
  const all = [...events, ...jobEvents, ...claimEvents]
  return [
    ...all.filter(({ reason }) => reason !== 'Failed').map(wordsOf),
    ...conditions.map(wordsOf),
    ...states.flatMap(state => [state?.waiting, state?.terminated].map(one => wordsOf(one ?? {}))),
    ...all.map(wordsOf),
  ]
    .filter(({ text }) => text !== '')
    .map(({ reason, text }) => ({ reason, text: redact(plain(text)) }))
}

function wordsOf({ reason = '', message = '' }: { reason?: string; message?: string }): Words {
  return { reason, text: message }
}

// When Kubernetes said it first, else now.
function beginning({ events, jobEvents, claimEvents, pod, now }: Known, message: string): number {
  const said = [...events, ...jobEvents, ...claimEvents].filter(
    event => event.message && message.includes(event.message),
  )
  const condition = pod?.status?.conditions?.find(
    one => one.message && message.includes(one.message),
  )
  const times = [...said.map(event => firstTime(event)), timeOf(condition?.lastTransitionTime)]
  const known = times.filter(time => time !== undefined)
  return known.length === 0 ? now : Math.min(...known)
}

/** Whether the verdict tells already what the event says. */
export function isTold(event: CoreV1Event, { verdict }: Pick<Known, 'verdict'>): boolean {
  if (verdict.state !== 'waiting') return false
  const core = essence(event.message ?? '')
  return core !== '' && verdict.message.includes(core)
}

// An event and a container's state say the same with other beginnings.
function essence(message: string): string {
  return message
    .replace(/^Failed to pull image "[^"]*": /, '')
    .replace(/^Error: /, '')
    .trim()
}
