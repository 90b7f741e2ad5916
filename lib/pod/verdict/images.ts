import type { V1Pod } from '@kubernetes/client-node'
import type { Cause } from './causes.js'
import { containerOf, eventsAbout } from './events.js'
import type { Seen } from './judgement.js'
import type { WaitingContainer } from './status.js'
import { entryOf, listOf, quote, textOf } from './words.js'
import { atOnce, passing, type Trouble } from './trouble.js'

/** Why a container's image cannot be had, and how long that is borne; undefined when its image is not the trouble. */
export function imageTrouble(
  container: WaitingContainer,
  pod: V1Pod,
  seen: Known,
): Trouble | undefined {
  const { name, reason } = container
  if (!pullReasons.has(reason)) return undefined
  const said = registrySays(container, seen)
  const kind = kindOf(reason, said)
  const ours = kind.cause !== undefined && isAgentImage(pod, name)
  const image = imageOf(pod, name)
  return {
    cause: ours ? 'AgentImage' : (kind.cause ?? 'ImagePull'),
    reason,
    graceMs:
      kind.cause === undefined
        ? passing
        : kind.graceMs === undefined
          ? seen.limits.imagePullMs
          : kind.graceMs,
    text: [
      `Container ${name} has no image${image === undefined ? '' : ` (${image})`}: ${kind.text}.`,
      quote(reason, said),
      ours ? 'Whoever runs the job spawner sees to its agent image.' : kind.help,
    ],
    container: name,
  }
}

/** What of the whole is needed: the pod's events, and how long a pull is borne. */
type Known = Pick<Seen, 'pod' | 'events' | 'limits'>

const pullReasons: ReadonlySet<string> = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImagePullBackOff',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
])

/** A kind of trouble with an image. Without a cause it passes; without a grace the operator's limit holds. */
interface Kind {
  cause?: Cause
  graceMs?: number
  text: string
  help: string
}

function final(cause: Cause, text: string, help: string): Kind {
  return { cause, graceMs: atOnce, text, help }
}

const byReason: Record<string, Kind> = {
  InvalidImageName: final('ImageName', 'that is no valid name', "Mend the image's name."),
  ErrImageNeverPull: final(
    'ImageNeverPull',
    'it is not on the node, and imagePullPolicy is Never',
    'Use another imagePullPolicy, or bring the image to the nodes.',
  ),
  SignatureValidationFailed: final(
    'ImageSignature',
    'its signature is not what the cluster asks for',
    'Use an image that is signed as the cluster asks.',
  ),
}

const trouble: Kind = {
  text: 'the registry is in trouble or cannot be reached',
  help: 'That may pass: the kubelet tries again.',
}

const unknown: Kind = {
  cause: 'ImagePull',
  text: 'it could not be pulled',
  help: "See what the registry says. A retry may help, if it is the registry's or the network's trouble.",
}

const platform = final(
  'ImagePlatform',
  "it is not made for the node's platform",
  'Build it for that platform, or choose nodes with a nodeSelector for kubernetes.io/arch.',
)
const forbidden = final(
  'ImageForbidden',
  'the registry does not give it to this pod, or has none of that name',
  "Mend the image's name, or give the pod the registry's credentials (imagePullSecrets).",
)
const notFound = final(
  'ImageNotFound',
  'the registry has none of that name and tag',
  "Mend the image's name or tag, or push the image first.",
)

// In this order: words of the later kinds stand in messages of the earlier ones, too.
const byWords: [RegExp, Kind][] = [
  [
    /no match for platform|no matching manifest|no image found in (image index|manifest list)/i,
    platform,
  ],
  [
    /toomanyrequests|too many requests|code = (Unavailable|DeadlineExceeded|ResourceExhausted|Canceled)/i,
    trouble,
  ],
  [
    /\b5\d\d (Internal|Bad|Service|Gateway)|status( code)?:? ?"?(5\d\d|429)\b|status from \S+ request to \S+: 5\d\d/i,
    trouble,
  ],
  // As a word: images and registries have names, which stand in what is said.
  [
    /(?<![\w/.-])timeout(?![\w/-]|:\w)|Client\.Timeout|timed out|deadline exceeded|no such host|server misbehaving|name resolution/i,
    trouble,
  ],
  [
    /connection (refused|reset)|no route to host|network is unreachable|\bEOF\b|no space left on device|QPS exceeded/i,
    trouble,
  ],
  [
    /pull access denied|insufficient_scope|unauthorized|authentication required|not authorized|denied: |access to the resource is denied|no basic auth credentials|40[13] (Forbidden|Unauthorized)|permission ?denied|unauthenticated/i,
    forbidden,
  ],
  [
    /not found|manifest unknown|manifest_unknown|name unknown|name_unknown|does not exist/i,
    notFound,
  ],
]

function kindOf(reason: string, said: string): Kind {
  const own = entryOf(byReason, reason)
  if (own) return own
  if (reason === 'RegistryUnavailable') return trouble
  return byWords.find(([words]) => words.test(said))?.[1] ?? unknown
}

// Older kubelets say only that they back off; the event has the registry's words.
function registrySays({ name, message }: WaitingContainer, { pod, events }: Known): string {
  const own = message.replace(/^Back-off pulling image "[^"]*"(: )?/, '')
  if (own !== '') return own
  const failed = eventsAbout('Pod', pod?.metadata, events).find(
    event =>
      event.reason === 'Failed' &&
      containerOf(event) === name &&
      /pull/.test(textOf(event.message)),
  )
  return textOf(failed?.message) || message
}

function imageOf(pod: V1Pod, name: string): string | undefined {
  const { initContainers, containers } = pod.spec ?? {}
  const found = [...listOf(initContainers), ...listOf(containers)].find(one => one.name === name)
  return textOf(found?.image) || undefined
}

// Of the containers that are ours only the checkout may have another image, by a patch.
function isAgentImage(pod: V1Pod, name: string): boolean {
  if (name === 'agent' || name === 'copy-agent') return true
  return name === 'checkout' && imageOf(pod, name) === imageOf(pod, 'agent')
}
