import type { V1Volume } from '@kubernetes/client-node'
import { firstTime, newest } from './events.js'
import { isPrepared, nodeOf } from './pod-state.js'
import { ours } from './said.js'
import type { Fact, Known } from './facts.js'

// Most volumes are there in a moment.
const attachMs = 5_000

/** Storage that is made for the pod's claims, and attached to its node. What goes wrong with it is Kubernetes' to say. */
export function volumeFacts(known: Known): Fact[] {
  const { pod } = known
  if (!pod || isPrepared(pod)) return []
  return [...provisioning(known), ...attaching(known)]
}

function provisioning({ claimEvents }: Known): Fact[] {
  const claims = [...new Set(claimEvents.map(({ involvedObject }) => involvedObject.name ?? ''))]
  return claims.flatMap(claim => {
    const own = claimEvents.filter(({ involvedObject }) => involvedObject.name === claim)
    const begun = newest(own, 'Provisioning', 'ExternalProvisioning')
    if (!begun) return []
    const done = newest(own, 'ProvisioningSucceeded')
    const text = done
      ? `The storage for claim ${claim} is there.`
      : `Storage for claim ${claim} is being made.`
    const key = `${done ? 'provisioned' : 'provisioning'}:${claim}`
    return [{ key, atMs: firstTime(done ?? begun), text: ours(text) }]
  })
}

function attaching({ pod, events, now }: Known): Fact[] {
  const node = nodeOf(pod)
  const volumes = (pod?.spec?.volumes ?? []).filter(isAttached).map(({ name }) => name)
  if (!node || volumes.length === 0 || now - node.atMs < attachMs) return []
  const done = newest(events, 'SuccessfulAttachVolume')
  const what = volumes.length === 1 ? `volume ${volumes[0]}` : `volumes ${volumes.join(', ')}`
  const text = done
    ? `Node ${node.name} mounts the ${what}.`
    : `Node ${node.name} waits for the ${what} to be attached.`
  const key = done ? 'mounting' : 'attaching'
  return [{ key, atMs: done ? firstTime(done) : node.atMs + attachMs, text: ours(text) }]
}

function isAttached({ persistentVolumeClaim, ephemeral }: V1Volume): boolean {
  return Boolean(persistentVolumeClaim ?? ephemeral)
}
