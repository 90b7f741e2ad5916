import { isIPv6 } from 'node:net'
import type { DiscoveryV1Api, V1EndpointSlice } from '@kubernetes/client-node'
import { isClusterError, isNotFound } from './cluster-error.js'

/** Where the gateway is that a Service without a selector is to lead to. */
export interface GatewayEndpoint {
  namespace: string
  service: string
  /** An IP address. */
  address: string
  port: number
  /** The pod at that address, of the same namespace: when it is deleted, so is what leads there. */
  pod?: { name: string; uid: string } | undefined
}

/**
 * Points the Service at one address, whatever it was before. Selectors and readiness would not do: all replicas are
 * ready, one of them leads, and a Deployment whose standbys are never ready can't be upgraded.
 *
 * What leads to a pod that is gone must go: a Service that leads nowhere refuses connections, which an agent bears; an
 * address where nobody is may give "no route to host", at which it gives up (agent: api/retryable.go). So the pod owns
 * it. Throws `ClusterError`.
 */
export async function pointService(
  api: DiscoveryV1Api,
  { namespace, service, address, port, pod }: GatewayEndpoint,
): Promise<void> {
  const { addressType, name } = sliceOf(service, address)
  const body: V1EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'job-spawner',
      },
      ownerReferences: pod && [{ apiVersion: 'v1', kind: 'Pod', ...pod }],
    },
    addressType,
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'gateway', port, protocol: 'TCP' }],
  }
  const replace = () => api.replaceNamespacedEndpointSlice({ namespace, name, body })
  try {
    await replace()
  } catch (error) {
    if (!isNotFound(error)) throw error
    await api.createNamespacedEndpointSlice({ namespace, body }).catch(async (refused: unknown) => {
      if (!isClusterError(refused, 'exists')) throw refused
      // Made in between, by the leader before us.
      await replace()
    })
  }
}

/** The addresses of that family at which the Service leads; none when it leads nowhere. Throws `ClusterError`. */
export async function serviceAddresses(
  api: DiscoveryV1Api,
  { namespace, service, address }: Pick<GatewayEndpoint, 'namespace' | 'service' | 'address'>,
): Promise<string[]> {
  const { name } = sliceOf(service, address)
  try {
    const { endpoints } = await api.readNamespacedEndpointSlice({ namespace, name })
    return (endpoints ?? []).flatMap(({ addresses }) => addresses)
  } catch (error) {
    if (isNotFound(error)) return []
    throw error
  }
}

function sliceOf(service: string, address: string) {
  const addressType = isIPv6(address) ? 'IPv6' : 'IPv4'
  return { addressType, name: `${service}-${addressType.toLowerCase()}` }
}
