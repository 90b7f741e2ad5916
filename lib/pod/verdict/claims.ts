import type { CoreV1Event, V1Pod, V1Volume } from '@kubernetes/client-node'
import {
  lines,
  newestOf,
  over,
  type PodClaim,
  type Seen,
  type SeenClaim,
  type Verdict,
} from './judgement.js'
import { condition, podStart } from './status.js'

/** How long the most final trouble with a claim is borne: before that, looking at claims brings no verdict. */
export const shortestClaimGraceMs = 10_000

/** The claims that a pod which no node has taken yet may be waiting for; none when a node has it. */
export function awaitedClaims(pod: V1Pod): PodClaim[] {
  if (!condition(pod, 'PodScheduled', 'False')) return []
  return (pod.spec?.volumes ?? []).flatMap(volume => claimOf(volume, pod) ?? [])
}

function claimOf({ name, ephemeral, persistentVolumeClaim }: V1Volume, pod: V1Pod) {
  const volume = name
  // The name that Kubernetes gives the claim of an ephemeral volume.
  if (ephemeral) return { volume, name: `${pod.metadata?.name}-${name}`, ephemeral: true }
  if (!persistentVolumeClaim) return undefined
  return { volume, name: persistentVolumeClaim.claimName, ephemeral: false }
}

/** No node takes the pod, because a claim of its volumes has no storage. Of several the most final one counts. */
export function claimWithoutStorage({ pod, now, claims = [] }: Seen): Verdict | undefined {
  const refusal = pod && condition(pod, 'PodScheduled', 'False')
  if (!refusal) return undefined
  const [found] = claims
    .flatMap(claim => troubleWith(claim, refusal.message) ?? [])
    .toSorted((a, b) => a.graceMs - b.graceMs)
  if (!found) return undefined
  const cause = 'VolumeClaim'
  if (now - (podStart(pod) ?? now) >= found.graceMs)
    return over({ cause, message: found.text, pod })
  return { state: 'waiting', reason: cause, message: found.text }
}

/** What keeps a claim from its storage, and how long it may. */
interface Trouble {
  text: string
  graceMs: number
}

// A claim or a class may be made a moment later, as a Secret may.
const missingGraceMs = 30_000

// A provisioner that fails tries again, and a volume that somebody makes by hand, or gives back, comes when it comes.
const passing = Infinity

function troubleWith(claim: SeenClaim, schedulerSays: string | undefined): Trouble | undefined {
  const { object, volume, name } = claim
  if (!object) return claim.ephemeral ? undefined : missing(claim, schedulerSays)
  const phase = object.status?.phase
  const event = newestEvent(claim)
  const trouble = (help: string, graceMs: number) => {
    const state = `Volume ${volume} has no storage: its PersistentVolumeClaim ${name} is ${phase}.`
    return { text: lines(state, event && eventText(event), help), graceMs }
  }
  if (phase === 'Lost') return trouble('Make the claim anew.', missingGraceMs)
  if (phase !== 'Pending') return undefined
  if (event?.reason === 'FailedBinding' && /no storage class/.test(event.message ?? '')) {
    // An empty name asks for a volume made by hand; no name asks for the default class, of which the cluster has none.
    return object.spec?.storageClassName === ''
      ? trouble(emptyClassHelp, passing)
      : trouble(noClassHelp, shortestClaimGraceMs)
  }
  if (event?.reason !== 'ProvisioningFailed') return undefined
  return /storageclass\S* "[^"]*" not found/.test(event.message ?? '')
    ? trouble(wrongClassHelp, missingGraceMs)
    : trouble('Its provisioner tries again.', passing)
}

const noClassHelp =
  'The cluster has no default StorageClass, and the claim names none: give it a storageClassName, use another kind ' +
  'of volume (an emptyDir, say), or ask who runs the cluster for a default StorageClass.'
const emptyClassHelp =
  'Its storageClassName is empty, which asks for a PersistentVolume that somebody has made by hand: none is free.'
const wrongClassHelp =
  "Mend the claim's storageClassName (kubectl get storageclass lists those that there are)."

function missing({ volume, name }: SeenClaim, schedulerSays: string | undefined): Trouble {
  const text = lines(
    `Volume ${volume} has no storage: there is no PersistentVolumeClaim ${name} in the namespace of the Jobs.`,
    schedulerSays && `Kubernetes says: ${schedulerSays}`,
    "Make that claim, or mend the volume's claimName.",
  )
  return { text, graceMs: missingGraceMs }
}

function eventText({ reason, message }: CoreV1Event): string {
  return `Kubernetes says: ${message ?? ''} (${reason ?? 'no reason'})`
}

// A later event says that the trouble has passed, or is another one now.
function newestEvent({ object, events }: SeenClaim): CoreV1Event | undefined {
  const uid = object?.metadata?.uid
  const own = events
    .filter(({ involvedObject }) => involvedObject.kind === 'PersistentVolumeClaim')
    .filter(({ involvedObject }) => !uid || !involvedObject.uid || involvedObject.uid === uid)
  return newestOf(own)
}
