import type { V1Lease } from '@kubernetes/client-node'
import { instanceLabel, instanceLabels } from '../cluster/instance.js'
import { microTime } from '../cluster/leases.js'
import { evidenceOf, type Holder, type HolderEvidence } from './holder.js'
import type { LeaseState } from './term.js'

/** Where the Lease says where its holder runs. */
export const evidenceAnnotation = 'job-spawner/holder'

/** The name of an instance's Lease. */
export function leaseName(instance: string): string {
  return instanceLabel(instance)
}

/** What a Lease says. */
export function stateOf(lease: V1Lease): LeaseState {
  const { holderIdentity, leaseDurationSeconds: seconds, leaseTransitions } = lease.spec ?? {}
  return {
    version: lease.metadata?.resourceVersion ?? '',
    holder: holderIdentity ?? '',
    durationMs: seconds !== undefined && seconds > 0 ? seconds * 1_000 : undefined,
    transitions: leaseTransitions ?? 0,
  }
}

/** Where the holder runs, when it is the holder itself who says so. */
export function holderEvidence(lease: V1Lease): HolderEvidence | undefined {
  const evidence = evidenceOf(lease.metadata?.annotations?.[evidenceAnnotation])
  return evidence?.identity === lease.spec?.holderIdentity ? evidence : undefined
}

/** A Lease that is ours from `now` on, milliseconds since 1970 (no one goes by it): a new one, or `old` taken or renewed. */
export function ownLease(
  old: V1Lease | undefined,
  {
    instance,
    holder,
    durationMs,
    now,
  }: {
    instance: string
    holder: Holder
    durationMs: number
    now: number
  },
): V1Lease {
  const { identity } = holder
  const mine = old?.spec?.holderIdentity === identity
  const transitions = old?.spec?.leaseTransitions ?? 0
  const evidence = JSON.stringify({ identity, ...holder.evidence })
  return {
    ...base(old, instance),
    metadata: {
      ...base(old, instance).metadata,
      annotations: { ...old?.metadata?.annotations, [evidenceAnnotation]: evidence },
    },
    spec: {
      holderIdentity: identity,
      // Whole seconds: the others wait rather longer than our own term.
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      acquireTime: mine ? old.spec?.acquireTime : microTime(now),
      renewTime: microTime(now),
      leaseTransitions: !old || mine ? transitions : transitions + 1,
    },
  }
}

/** A Lease of ours, given away as client-go does it: nobody's, and over at once. */
export function releasedLease(
  old: V1Lease,
  { instance, now }: { instance: string; now: number },
): V1Lease {
  const { [evidenceAnnotation]: _, ...annotations } = old.metadata?.annotations ?? {}
  return {
    ...base(old, instance),
    metadata: { ...base(old, instance).metadata, annotations },
    spec: {
      leaseDurationSeconds: 1,
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions: old.spec?.leaseTransitions ?? 0,
    },
  }
}

function base(old: V1Lease | undefined, instance: string): V1Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name: leaseName(instance),
      labels: { ...old?.metadata?.labels, ...instanceLabels(instance) },
      resourceVersion: old?.metadata?.resourceVersion,
      uid: old?.metadata?.uid,
    },
  }
}
