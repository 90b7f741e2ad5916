import type { V1Pod, V1PodCondition, V1Volume } from '@kubernetes/client-node'
import { eventsAbout, eventText } from './events.js'
import type { PodClaim, Seen, SeenClaim, Verdict } from './judgement.js'
import { over, ripe, waiting } from './over.js'
import { condition, podStart } from './status.js'
import { missingMs, passing, worstOf, type Trouble } from './trouble.js'
import { listOf, quote, textOf } from './words.js'

/** How long the most final trouble with a claim is borne: before that, looking at claims brings no verdict. */
export const shortestClaimGraceMs = missingMs

/** The claims that a pod which no node has taken yet may be waiting for; none when a node has it. */
export function awaitedClaims(pod: V1Pod): PodClaim[] {
  if (!condition(pod, 'PodScheduled', 'False')) return []
  return listOf(pod.spec?.volumes).flatMap(volume => claimOf(volume, pod) ?? [])
}

function claimOf({ name, ephemeral, persistentVolumeClaim }: V1Volume, pod: V1Pod) {
  const volume = name
  // The name that Kubernetes gives the claim of an ephemeral volume.
  if (ephemeral) return { volume, name: `${pod.metadata?.name}-${name}`, ephemeral: true }
  if (!persistentVolumeClaim) return undefined
  return { volume, name: persistentVolumeClaim.claimName, ephemeral: false }
}

/** No node takes the pod, because a claim of its volumes has no storage. Of several the most final one counts. */
export function claimWithoutStorage(seen: Seen): Verdict | undefined {
  const { pod, claims } = seen
  const refusal = pod && condition(pod, 'PodScheduled', 'False')
  if (!refusal) return undefined
  const found = worstOf(listOf(claims).flatMap(claim => troubleWith(claim, refusal) ?? []))
  if (!found) return undefined
  if (ripe(seen, podStart(pod), found.graceMs))
    return over('VolumeClaim', seen, { text: found.text })
  return waiting('VolumeClaim', ...found.text)
}

function troubleWith(claim: SeenClaim, refusal: V1PodCondition): Trouble | undefined {
  const { object, volume, name } = claim
  if (!object) return claim.ephemeral ? undefined : missing(claim, refusal)
  const phase = object.status?.phase
  const [event] = eventsAbout('PersistentVolumeClaim', object.metadata, claim.events)
  const trouble = (help: string, graceMs: number) => {
    const state = `Volume ${volume} has no storage: its PersistentVolumeClaim ${name} is ${phase}.`
    return troubleOf([state, event && eventText(event), help], graceMs)
  }
  if (phase === 'Lost') return trouble('Make the claim anew.', missingMs)
  if (phase !== 'Pending') return undefined
  const said = textOf(event?.message)
  if (event?.reason === 'FailedBinding' && said.includes('no storage class')) {
    // An empty name asks for a volume made by hand; no name asks for the default class, of which the cluster has none.
    return object.spec?.storageClassName === ''
      ? trouble(emptyClassHelp, passing)
      : trouble(noClassHelp, missingMs)
  }
  // A later event says that the trouble has passed, or is another one now.
  if (event?.reason !== 'ProvisioningFailed') return undefined
  return /storageclass\S* "[^"]*" not found/.test(said)
    ? trouble(wrongClassHelp, missingMs)
    : trouble('Its provisioner tries again.', passing)
}

function troubleOf(text: Trouble['text'], graceMs: number): Trouble {
  return { cause: 'VolumeClaim', reason: 'VolumeClaim', graceMs, text }
}

const noClassHelp =
  'The cluster has no default StorageClass, and the claim names none: give it a storageClassName, use another kind ' +
  'of volume (an emptyDir, say), or ask who runs the cluster for a default StorageClass.'
const emptyClassHelp =
  'Its storageClassName is empty, which asks for a PersistentVolume that somebody has made by hand: none is free.'
const wrongClassHelp =
  "Mend the claim's storageClassName (kubectl get storageclass lists those that there are)."

function missing({ volume, name }: SeenClaim, { reason, message }: V1PodCondition): Trouble {
  const text = [
    `Volume ${volume} has no storage: there is no PersistentVolumeClaim ${name} in the namespace of the Jobs.`,
    quote(reason, message),
    "Make that claim, or mend the volume's claimName.",
  ]
  return troubleOf(text, missingMs)
}
