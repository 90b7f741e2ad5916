import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../../lib/clock.js'
import { connectCluster, type Cluster } from '../../lib/cluster/cluster.js'
import { isFencedWrite, Transport } from '../../lib/cluster/transport.js'
import { Fence } from '../../lib/fence.js'
import { silentLog } from '../../lib/log.js'
import { kubeConfigOf, loopback, reply, until } from './loopback.js'

interface Test {
  teardown(end: () => unknown): void
}

function fenced(t: Test, url: string): { cluster: Cluster; fence: Fence } {
  const fence = new Fence()
  const cluster = connectCluster({
    kubeConfig: kubeConfigOf(url),
    namespace: 'jobs',
    ledgerNamespace: 'ledger',
    log: silentLog(),
    clock: systemClock,
    fence,
  })
  t.teardown(() => cluster.close())
  t.teardown(() => fence.close())
  return { cluster, fence }
}

const job = { metadata: { name: 'j' } }

t.test('what needs the lease, and what does not', t => {
  const rows: [string, string, boolean][] = [
    ['GET', '/api/v1/namespaces/jobs/pods', false],
    ['POST', '/apis/batch/v1/namespaces/jobs/jobs', true],
    ['DELETE', '/api/v1/namespaces/jobs/pods/p', true],
    ['PUT', '/api/v1/namespaces/ledger/secrets/s', true],
    ['PUT', '/apis/discovery.k8s.io/v1/namespaces/ledger/endpointslices/s', true],
    ['PUT', '/apis/coordination.k8s.io/v1/namespaces/ledger/leases/ci', false],
    ['POST', '/k8s/c1/apis/coordination.k8s.io/v1/namespaces/ledger/leases', false],
    ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', false],
    ['POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', false],
    ['POST', '/api/v1/namespaces', false],
    // Names are anybody's.
    ['POST', '/apis/batch/v1/namespaces/leases/jobs', true],
    ['DELETE', '/api/v1/namespaces/jobs/pods/leases', true],
    ['PUT', '/api/v1/namespaces/tokenreviews/secrets/s', true],
    ['DELETE', '/api/v1/namespaces/jobs/pods/coordination.k8s.io', true],
  ]
  for (const [method, path, wanted] of rows) {
    t.equal(isFencedWrite({ method, path }), wanted, `${method} ${path}`)
  }
  t.end()
})

t.test(
  'while the fence is closed a write waits, and reading, the lease and reviews go on',
  async t => {
    const server = await loopback(t, (_, response) => reply(response, 200, {}))
    const { cluster, fence } = fenced(t, server.url)
    const created = cluster.createJob(job)
    await cluster.getPod('p')
    await cluster.leases.create(job)
    await cluster.leases.replace(job)
    await cluster.reviewToken('tok', 'job-spawner')
    t.same(
      server.asked.map(({ method, path }) => `${method} ${path.split('/').at(-1)}`),
      ['GET p', 'POST leases', 'PUT j', 'POST tokenreviews'],
    )
    fence.extend(Infinity)
    await created
    t.equal(server.asked.length, 5)
  },
)

t.test('a write that is cut off when the fence closes is sent again when it opens', async t => {
  let answering = false
  const server = await loopback(t, (_, response) => {
    if (answering) reply(response, 201, {})
  })
  const { cluster, fence } = fenced(t, server.url)
  fence.extend(Infinity)
  const created = cluster.createJob(job)
  await until(() => server.asked.length === 1)
  fence.close()
  answering = true
  await cluster.getPod('p')
  t.equal(server.asked.length, 2, 'nothing while it is closed')
  fence.extend(Infinity)
  await created
  t.equal(server.asked.filter(({ method }) => method === 'POST').length, 2)
})

t.test('a watch goes on while the fence is closed', async t => {
  const server = await loopback(t, (_, response) => {
    response.writeHead(200).write('{"type":"ADDED","object":{"metadata":{"name":"p"}}}\n')
  })
  const { cluster, fence } = fenced(t, server.url)
  fence.extend(Infinity)
  const stop = new AbortController()
  const from = { resourceVersion: '1', timeoutSeconds: 60 }
  const events = await cluster.watchPods('a=b').watch(from, stop.signal)
  fence.close()
  for await (const { type } of events) {
    t.equal(type, 'ADDED')
    break
  }
})

t.test('who aborts a write has the own reason, while it waits for the lease and after', async t => {
  const server = await loopback(t, () => undefined)
  const fence = new Fence()
  const kubeConfig = kubeConfigOf(server.url)
  const transport = new Transport({ kubeConfig, log: silentLog(), clock: systemClock, fence })
  t.teardown(() => transport.close())
  const mine = new Error('enough')
  for (const asked of [0, 1]) {
    if (asked > 0) fence.extend(Infinity)
    const stop = new AbortController()
    const sent = transport.json({ method: 'POST', path: '/x', body: {}, signal: stop.signal })
    await until(() => server.asked.length === asked)
    stop.abort(mine)
    fence.close()
    await t.rejects(sent, mine)
  }
})

t.test('closing the cluster does not wait for writes that wait for the lease', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, {}))
  const { cluster } = fenced(t, server.url)
  void cluster.createJob(job).catch(() => undefined)
  await delay(5)
  await cluster.close()
  t.equal(server.asked.length, 0)
})
