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
}

/**
 * Points the Service at one address, whatever it was before. Selectors and readiness would not do: all replicas are
 * ready, one of them leads, and a Deployment whose standbys are never ready can't be upgraded. Throws `ClusterError`.
 */
export async function pointService(
  api: DiscoveryV1Api,
  { namespace, service, address, port }: GatewayEndpoint,
): Promise<void> {
  const addressType = isIPv6(address) ? 'IPv6' : 'IPv4'
  const name = `${service}-${addressType.toLowerCase()}`
  const body: V1EndpointSlice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'job-spawner',
      },
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
