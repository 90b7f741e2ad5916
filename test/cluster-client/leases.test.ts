import t from 'tap'
import { microTime } from '../../lib/cluster/leases.js'
import { clusterAt, loopback, refuse, reply } from './loopback.js'

const path = '/apis/coordination.k8s.io/v1/namespaces/ledger/leases'
const written = { metadata: { name: 'ci', resourceVersion: '7' }, spec: { holderIdentity: 'me' } }

t.test('a Lease is read, made and replaced in the namespace of the ledger', async t => {
  const server = await loopback(t, ({ body }, response) =>
    reply(response, 200, body === '' ? written : JSON.parse(body)),
  )
  const { leases } = clusterAt(t, server.url)
  t.equal(leases.namespace, 'ledger')
  t.match(await leases.get('ci'), written)
  t.match(await leases.create(written), written)
  t.match(await leases.replace(written), written)
  t.same(
    server.asked.map(asked => `${asked.method} ${asked.path}`),
    [`GET ${path}/ci`, `POST ${path}`, `PUT ${path}/ci`],
  )
})

t.test('times are sent with the six digits that the API server wants, read ones too', async t => {
  const renewTime = '2026-01-02T03:04:05.678901Z'
  const server = await loopback(t, (_, response) =>
    reply(response, 200, { ...written, spec: { renewTime } }),
  )
  const { leases } = clusterAt(t, server.url)
  const read = await leases.get('ci')
  t.ok(read?.spec?.renewTime instanceof Date)
  t.equal(read?.spec?.acquireTime, undefined)
  const acquireTime = microTime(Date.UTC(2026, 0, 2))
  await leases.replace({ ...written, spec: { ...read?.spec, acquireTime } })
  t.match(JSON.parse(server.asked.at(-1)?.body ?? ''), {
    spec: { acquireTime: '2026-01-02T00:00:00.000000Z', renewTime: '2026-01-02T03:04:05.678000Z' },
  })
})

t.test('no Lease of the name is nothing to read, and refusals are told apart', async t => {
  const reasons: Record<string, [number, string]> = {
    GET: [404, 'NotFound'],
    POST: [409, 'AlreadyExists'],
    PUT: [409, 'Conflict'],
  }
  const server = await loopback(t, ({ method }, response) => {
    const [status, reason] = reasons[method] ?? [500, '']
    refuse(response, status, { reason, message: reason })
  })
  const { leases } = clusterAt(t, server.url)
  t.equal(await leases.get('ci'), undefined)
  await t.rejects(leases.create(written), { name: 'ClusterError', disposition: 'exists' })
  await t.rejects(leases.replace(written), { name: 'ClusterError', disposition: 'conflict' })
  reasons['PUT'] = [404, 'NotFound']
  await t.rejects(leases.replace(written), { name: 'ClusterError', status: 404 })
  reasons['GET'] = [403, 'Forbidden']
  await t.rejects(leases.get('ci'), { name: 'ClusterError', status: 403 })
})

t.test('a request about the Lease ends with its signal', async t => {
  const server = await loopback(t, () => undefined)
  const { leases } = clusterAt(t, server.url)
  const stop = new AbortController()
  const mine = new Error('enough')
  const all = [
    leases.get('ci', stop.signal),
    leases.create(written, stop.signal),
    leases.replace(written, stop.signal),
  ]
  stop.abort(mine)
  for (const one of all) await t.rejects(one, mine)
})

t.test('the Lease does not wait behind requests that the API server is slow with', async t => {
  const server = await loopback(t, ({ path }, response) => {
    if (path.includes('/leases/')) reply(response, 200, written)
  })
  const cluster = clusterAt(t, server.url)
  const slow = Array.from({ length: 40 }, () => cluster.createJob({ metadata: { name: 'j' } }))
  for (const one of slow) one.catch(() => undefined)
  t.match(await cluster.leases.get('ci'), written)
})
