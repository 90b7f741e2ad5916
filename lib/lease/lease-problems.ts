import { messageOf, Problem } from '../errors.js'

/** Which Lease, for messages. */
export interface LeasePlace {
  namespace: string
  name: string
}

/** What ends a process that held the lease when another one has had it since. */
export function leaseLost(
  place: LeasePlace,
  { identity, found }: { identity: string; found: string },
) {
  return new Problem('LEASE_LOST', 'another process has taken over: this one may do nothing more', {
    where: whereIs(place),
    wanted: `${identity} as its holder`,
    found,
    hint: 'start it again, as Kubernetes does: it stands by then. If this happens often, see whether this process or the API server stalls, or raise --lease-duration',
  })
}

/** What ends a process that may not use the Lease. */
export function leaseRefused(place: LeasePlace, { verb, error }: { verb: string; error: unknown }) {
  return new Problem('LEASE_REFUSED', 'the lease that says who leads cannot be used', {
    where: whereIs(place),
    wanted: `get, create, update on leases.coordination.k8s.io in namespace ${place.namespace}`,
    found: `${verb}: ${messageOf(error)}`,
    hint: "the chart grants it with rbac.create; else add these rights to our user's Role",
    cause: error,
  })
}

function whereIs({ namespace, name }: LeasePlace): string {
  return `Lease ${namespace}/${name}`
}
