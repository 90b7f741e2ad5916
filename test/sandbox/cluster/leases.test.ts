import t from 'tap'
import {
  CoordinationV1Api,
  DiscoveryV1Api,
  V1MicroTime,
  type V1EndpointSlice,
} from '@kubernetes/client-node'
import { clusterFor } from './client.js'

const namespace = 'default'

function microTime(text: string): V1MicroTime {
  return new V1MicroTime(text)
}

t.test('a Lease keeps its times, and one who comes late changes nothing', async t => {
  const { config } = await clusterFor(t)
  const leases = config.makeApiClient(CoordinationV1Api)
  const first = '2026-11-21T17:35:41.123000Z'
  const made = await leases.createNamespacedLease({
    namespace,
    body: {
      metadata: { name: 'l' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 10,
        leaseTransitions: 0,
        acquireTime: microTime(first),
        renewTime: microTime(first),
      },
    },
  })
  const read = await leases.readNamespacedLease({ namespace, name: 'l' })
  t.same(read, made)
  // The client gives these times as they are in JSON.
  t.equal(read.spec?.renewTime, first)
  const later = microTime('2026-11-21T17:35:44.000000Z')
  const body = { ...made, spec: { ...made.spec, renewTime: later } }
  const renewed = await leases.replaceNamespacedLease({ namespace, name: 'l', body })
  t.not(renewed.metadata?.resourceVersion, made.metadata?.resourceVersion)
  const stale = { ...made, spec: { ...made.spec, holderIdentity: 'b' } }
  const late = leases.replaceNamespacedLease({ namespace, name: 'l', body: stale })
  await t.rejects(late, { code: 409 })
  t.match(await leases.readNamespacedLease({ namespace, name: 'l' }), {
    spec: { holderIdentity: 'a', renewTime: later.toISOString() },
  })
})

t.test('a Lease is replaced by one that names the version, else refused', async t => {
  const { config } = await clusterFor(t)
  const leases = config.makeApiClient(CoordinationV1Api)
  const body = { metadata: { name: 'l' }, spec: { holderIdentity: 'a' } }
  await leases.createNamespacedLease({ namespace, body })
  const blind = leases.replaceNamespacedLease({ namespace, name: 'l', body })
  await t.rejects(blind, { code: 422, body: /metadata\.resourceVersion.*must be specified/ })
})

t.test('a PUT of a Lease that is gone makes a new one, as it does with Kubernetes', async t => {
  const { cluster, config } = await clusterFor(t)
  const leases = config.makeApiClient(CoordinationV1Api)
  const body = { metadata: { name: 'l', resourceVersion: '1' }, spec: { holderIdentity: 'a' } }
  const made = await leases.replaceNamespacedLease({ namespace, name: 'l', body })
  t.match(made, { metadata: { name: 'l', uid: String }, spec: { holderIdentity: 'a' } })
  t.match(cluster.writes, [{ verb: 'create', kind: 'Lease' }])
})

t.test('a time with milliseconds is no time of a Lease', async t => {
  const { config } = await clusterFor(t)
  const leases = config.makeApiClient(CoordinationV1Api)
  const body = {
    metadata: { name: 'l' },
    spec: { renewTime: new Date('2026-01-01T00:00:00Z') },
  }
  await t.rejects(leases.createNamespacedLease({ namespace, body }), { code: 400 })
})

t.test('EndpointSlices are made, replaced and found by their Service', async t => {
  const { config } = await clusterFor(t)
  const discovery = config.makeApiClient(DiscoveryV1Api)
  const slice = (address: string): V1EndpointSlice => ({
    metadata: { name: 'gateway-ipv4', labels: { 'kubernetes.io/service-name': 'gateway' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'gateway', port: 8480, protocol: 'TCP' }],
  })
  const name = 'gateway-ipv4'
  const absent = discovery.replaceNamespacedEndpointSlice({
    namespace,
    name,
    body: slice('10.0.0.1'),
  })
  await t.rejects(absent, { code: 404 })
  await discovery.createNamespacedEndpointSlice({ namespace, body: slice('10.0.0.1') })
  await discovery.replaceNamespacedEndpointSlice({ namespace, name, body: slice('10.0.0.2') })
  const labelSelector = 'kubernetes.io/service-name=gateway'
  const { items } = await discovery.listNamespacedEndpointSlice({ namespace, labelSelector })
  t.match(items, [{ metadata: { name }, endpoints: [{ addresses: ['10.0.0.2'] }] }])
})
