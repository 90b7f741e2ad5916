import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Cause } from './causes.js'
import { eventsAbout, eventText } from './events.js'
import type { Seen } from './judgement.js'
import { condition, statuses } from './status.js'
import { atOnce, missingMs, passing, type Trouble } from './trouble.js'
import { textOf } from './words.js'

/**
 * What keeps a node from starting the pod at all: its volumes, its sandbox, its network. Only events say so, and only
 * the newest counts: a later one means that it has passed.
 */
export function nodeTrouble(pod: V1Pod, { events }: Seen): Trouble | undefined {
  if (statuses(pod).some(({ state }) => state?.running || state?.terminated)) return undefined
  if (condition(pod, 'PodReadyToStartContainers', 'True')) return undefined
  // What else is told of a pod, such as that a sandbox will be made anew, says nothing of how far it has come.
  const newest = eventsAbout('Pod', pod.metadata, events).find(({ reason }) => isStep(reason))
  if (!newest) return undefined
  const reason = textOf(newest.reason)
  if (mountReasons.has(reason)) return mountTrouble(newest, reason)
  return sandboxReasons.has(reason) ? sandboxTrouble(newest, reason) : undefined
}

const mountReasons: ReadonlySet<string> = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedMapVolume',
])

const sandboxReasons: ReadonlySet<string> = new Set([
  'FailedCreatePodSandBox',
  'FailedPodSandBoxStatus',
  'FailedKillPod',
  'NetworkNotReady',
])

const progress: ReadonlySet<string> = new Set([
  'Scheduled',
  'SuccessfulAttachVolume',
  'SuccessfulMountVolume',
  'Pulling',
  'Pulled',
  'Created',
  'Started',
])

function isStep(reason: unknown): boolean {
  const name = textOf(reason)
  return mountReasons.has(name) || sandboxReasons.has(name) || progress.has(name)
}

function mountTrouble(event: CoreV1Event, reason: string): Trouble {
  const message = textOf(event.message)
  const volume = /for volume "([^"]+)"/.exec(message)?.[1]
  const kind = kinds.find(({ words }) => words.test(message))
  return {
    cause: kind?.cause ?? 'VolumeMount',
    reason,
    graceMs: kind?.graceMs ?? passing,
    text: [
      `${volume === undefined ? 'A volume' : `Volume ${volume}`} of the pod cannot be mounted${kind ? `: ${kind.text}` : ' yet'}.`,
      eventText(event),
      kind?.help ?? 'That may pass: the node tries again.',
    ],
  }
}

const kinds: { words: RegExp; cause: Cause; graceMs: number; text: string; help: string }[] = [
  {
    words: /references non-existent (secret|config) key/,
    cause: 'ConfigKeyMissing',
    graceMs: atOnce,
    text: 'its Secret or ConfigMap has not the key that it names',
    help: 'Mend the key in the items of the volume, or add it.',
  },
  {
    words: /\b(secret|configmap) "[^"]+" not found/,
    cause: 'ConfigMissing',
    graceMs: missingMs,
    text: 'there is no such Secret or ConfigMap in the namespace of the Jobs',
    help: 'Make it, mend the name, or mark the volume as optional.',
  },
  {
    words: /hostPath type check failed/,
    cause: 'VolumeMount',
    graceMs: atOnce,
    text: 'what is at its hostPath on the node is not of the type that it names',
    help: 'Mend the path or the type, or choose the nodes that have it.',
  },
]

function sandboxTrouble(event: CoreV1Event, reason: string): Trouble {
  return {
    cause: 'PendingTooLong',
    reason,
    graceMs: passing,
    text: [
      'The node cannot make the sandbox of the pod, or its network, yet.',
      eventText(event),
      'That may pass: the node tries again.',
    ],
  }
}
