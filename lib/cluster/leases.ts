import { V1MicroTime, type V1Lease } from '@kubernetes/client-node'
import { isNotFound } from './cluster-error.js'
import { typed } from './list-watch.js'
import type { ClusterRequest, Transport } from './transport.js'

/** The Lease verbs of one namespace. All throw `ClusterError`, or the signal's reason when it is aborted. */
export interface LeaseVerbs {
  readonly namespace: string
  get(name: string, signal?: AbortSignal): Promise<V1Lease | undefined>
  /** Refused as `exists` when the name is taken. */
  create(lease: V1Lease, signal?: AbortSignal): Promise<V1Lease>
  /** Refused as `conflict` when `metadata.resourceVersion` is no longer the current one, with 404 when there is none. */
  replace(lease: V1Lease, signal?: AbortSignal): Promise<V1Lease>
}

/** The Lease verbs of a namespace. The transport's fence does not hold them. */
export function leaseVerbs(transport: Transport, namespace: string): LeaseVerbs {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  const one = (name: string | undefined) => `${path}/${encodeURIComponent(name ?? '')}`
  const ask = async (request: ClusterRequest) => withTimes(await transport.json(request))
  return {
    namespace,
    get: async (name, signal) => {
      try {
        return await ask({ method: 'GET', path: one(name), signal })
      } catch (error) {
        if (isNotFound(error)) return undefined
        throw error
      }
    },
    create: (body, signal) => ask({ method: 'POST', path, body, signal }),
    replace: (body, signal) => ask({ method: 'PUT', path: one(body.metadata?.name), body, signal }),
  }
}

/** A moment, in milliseconds since 1970, as Leases have it: the API server takes nothing but six digits. */
export function microTime(ms: number): V1MicroTime {
  return new V1MicroTime(ms)
}

// client-node leaves these as text, whatever its types say.
function withTimes(json: unknown): V1Lease {
  const lease = typed(json, 'V1Lease')
  const { acquireTime, renewTime } = lease.spec ?? {}
  if (lease.spec && acquireTime) lease.spec.acquireTime = new V1MicroTime(acquireTime)
  if (lease.spec && renewTime) lease.spec.renewTime = new V1MicroTime(renewTime)
  return lease
}
