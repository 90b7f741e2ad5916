import t from 'tap'
import { clusterAt, loopback, refuse, reply, type Asked } from './loopback.js'

const path = '/apis/discovery.k8s.io/v1/namespaces/ledger/endpointslices'
const endpoint = { service: 'gateway', address: '10.0.0.7', port: 8480 }

const lines = (asked: Asked[]) => asked.map(({ method, path }) => `${method} ${path}`)

t.test('the Service leads to the one address, whatever stood there', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, {}))
  await clusterAt(t, server.url).pointService(endpoint)
  t.same(lines(server.asked), [`PUT ${path}/gateway-ipv4`])
  const sent = JSON.parse(server.asked[0]?.body ?? '') as { metadata: object }
  t.match(sent, {
    metadata: { name: 'gateway-ipv4', labels: { 'kubernetes.io/service-name': 'gateway' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.7'], conditions: { ready: true } }],
    ports: [{ name: 'gateway', port: 8480, protocol: 'TCP' }],
  })
  t.notOk('resourceVersion' in sent.metadata, 'the leader has the last word')
})

t.test(
  'an address of IPv6 has a slice of its own, as a slice never changes its family',
  async t => {
    const server = await loopback(t, (_, response) => reply(response, 200, {}))
    await clusterAt(t, server.url).pointService({ ...endpoint, address: 'fd00::7' })
    t.same(lines(server.asked), [`PUT ${path}/gateway-ipv6`])
    t.match(JSON.parse(server.asked[0]?.body ?? ''), { addressType: 'IPv6' })
  },
)

t.test('a slice that is missing is made, and one that was made in between is replaced', async t => {
  let made = 0
  const server = await loopback(t, ({ method }, response) => {
    if (method === 'POST' && made++ === 0) return reply(response, 201, {})
    if (method === 'POST') return refuse(response, 409, { reason: 'AlreadyExists' })
    if (made < 2) return refuse(response, 404, { reason: 'NotFound' })
    return reply(response, 200, {})
  })
  const cluster = clusterAt(t, server.url)
  const [put, post] = [`PUT ${path}/gateway-ipv4`, `POST ${path}`]
  await cluster.pointService(endpoint)
  t.same(lines(server.asked.splice(0)), [put, post])
  await cluster.pointService(endpoint)
  t.same(lines(server.asked), [put, post, put])
})

t.test('what the API server refuses is told', async t => {
  let missing = false
  const server = await loopback(t, ({ method }, response) => {
    if (method === 'PUT' && missing) refuse(response, 404, { reason: 'NotFound' })
    else refuse(response, 403, { reason: 'Forbidden', message: `no ${method}` })
  })
  const cluster = clusterAt(t, server.url)
  await t.rejects(cluster.pointService(endpoint), { message: 'no PUT' })
  missing = true
  await t.rejects(cluster.pointService(endpoint), { message: 'no POST' })
})

t.test('what leads to a pod goes with it', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, {}))
  const pod = { name: 'job-spawner-1', uid: 'uid-1' }
  await clusterAt(t, server.url).pointService({ ...endpoint, pod })
  const sent = JSON.parse(server.asked[0]?.body ?? '') as {
    metadata: { ownerReferences: object[] }
  }
  t.match(sent.metadata.ownerReferences, [{ kind: 'Pod', name: 'job-spawner-1', uid: 'uid-1' }])
})

t.test('where it leads is known', async t => {
  const slices = [{ endpoints: [{ addresses: ['10.0.0.7'] }] }, { endpoints: null }, undefined]
  const server = await loopback(t, (_, response) => {
    const slice = slices.shift()
    if (slice) reply(response, 200, slice)
    else refuse(response, 404, { reason: 'NotFound' })
  })
  const cluster = clusterAt(t, server.url)
  t.same(await cluster.serviceAddresses(endpoint), ['10.0.0.7'])
  t.same(await cluster.serviceAddresses(endpoint), [])
  t.same(await cluster.serviceAddresses(endpoint), [], 'there is none')
  t.equal(lines(server.asked)[0], `GET ${path}/gateway-ipv4`)
})
