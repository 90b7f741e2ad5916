import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { connect, disconnect, heartbeat, ping, register } from '../../lib/upstream/agents.js'
import { policies } from '../../lib/upstream/retry.js'
import { agentVersion } from '../../lib/version.js'
import { emulator, token } from '../sandbox/buildkite/client.js'
import { agentAt, connection, failure, nowhere, scripted, type Said } from './scripted.js'

const wanted = { token, name: 'ci-1', tags: ['queue=default', 'os=linux'] }
const registered = {
  id: 'a',
  name: 'ci-1',
  access_token: 'session',
  endpoint: null,
  request_headers: null,
  ping_interval: 2,
  job_status_interval: 3,
  heartbeat_interval: 30,
}

t.test('registering sends every field that the real agent sends, with its type', async t => {
  const { endpoint, got } = await scripted(t, () => ({ json: registered }))
  await register(connection(t), { ...wanted, endpoint })
  const body = got[0]?.json as Record<string, unknown>
  t.match(body, {
    name: 'ci-1',
    hostname: String,
    os: String,
    arch: String,
    script_eval_enabled: true,
    ignore_in_dispatches: false,
    version: agentVersion,
    build: 'x',
    meta_data: wanted.tags,
    pid: process.pid,
    features: [],
  })
  t.equal(got[0]?.method, 'POST')
  t.equal(got[0]?.path, '/register')
  t.equal(got[0]?.headers.authorization, `Token ${token}`)
})

t.test('a registration becomes a session', async t => {
  const answers: [object, object][] = [
    [{}, { endpoint: 'own', requestHeaders: {} }],
    [{ endpoint: '' }, { endpoint: 'own' }],
    [{ endpoint: 'https://other.example/v3/' }, { endpoint: 'https://other.example/v3' }],
    [
      { request_headers: { 'Buildkite-Shard': '7', Cookie: 'x' } },
      { requestHeaders: { 'Buildkite-Shard': '7' } },
    ],
  ]
  for (const [more, expected] of answers) {
    const { endpoint } = await scripted(t, () => ({ json: { ...registered, ...more } }))
    const session = await register(connection(t), { ...wanted, endpoint })
    t.match(session, {
      agentId: 'a',
      accessToken: 'session',
      pingInterval: 2,
      jobStatusInterval: 3,
      heartbeatInterval: 30,
      ...expected,
      ...('endpoint' in expected && expected.endpoint === 'own' ? { endpoint } : {}),
    })
  }
})

t.test('an answer that is no registration is a problem that shows no token', async t => {
  const { endpoint } = await scripted(t, () => ({ json: { ...registered, ping_interval: 'x' } }))
  const error = await failure(register(connection(t), { ...wanted, endpoint }))
  t.ok(isProblem(error, 'UPSTREAM_INVALID'))
  t.match(error, { where: 'POST /register.ping_interval', wanted: /number|integer/ })
})

t.test('the emulator takes what we send, over the whole life of an agent', async t => {
  const upstream = await emulator(t, { requestHeaders: { 'Buildkite-Shard': '7' } })
  const via = connection(t)
  const session = await register(via, { ...wanted, endpoint: upstream.endpoint })
  await connect(via, session)
  t.match(upstream.agents(), [{ name: 'ci-1', state: 'connected', tags: wanted.tags }])
  await heartbeat(via, session, { sentAt: new Date() })
  t.match(await ping(via, session), { session: { requestHeaders: { 'Buildkite-Shard': '7' } } })
  await disconnect(via, session)
  t.match(upstream.agents(), [{ state: 'disconnected' }])
  t.same(upstream.violations, [])
  await t.resolves(disconnect(via, session), 'a second time, as after a lost answer')
})

t.test('a wrong token is refused at once', async t => {
  const upstream = await emulator(t)
  const login = { ...wanted, endpoint: upstream.endpoint, token: 'wrong' }
  const error = await failure(register(connection(t), login))
  t.match(error, { status: 401 })
  t.equal(upstream.requests.length, 1)
})

t.test('registering at the start is given up soon, later it goes on', async t => {
  for (const [policy, attempts] of [
    [policies.registerAtStart, 4],
    [policies.register, 30],
  ] as const) {
    const { endpoint, got } = await scripted(t, () => ({ status: 503 }))
    await failure(register(connection(t), { ...wanted, endpoint }, { policy }))
    t.equal(got.length, attempts)
  }
})

t.test('a heartbeat says when it was sent', async t => {
  const { endpoint, got } = await scripted(t, () => ({}))
  const sentAt = new Date(1_787_300_000_000)
  await heartbeat(connection(t), agentAt(endpoint), { sentAt })
  t.match(got, [{ method: 'POST', path: '/heartbeat', json: { sent_at: sentAt.toISOString() } }])
})

async function pinged(t: Tap, said: Said, had = {}) {
  const { endpoint, got } = await scripted(t, () => said)
  const session = agentAt(endpoint, { requestHeaders: had })
  return { got, session, answer: await ping(connection(t), session) }
}
type Tap = { teardown(end: () => unknown): void }

t.test('a ping brings new headers, or clears them, or leaves them', async t => {
  const had = { 'Buildkite-Shard': '1' }
  const table: [unknown, object][] = [
    [{ 'Buildkite-Shard': '2' }, { 'Buildkite-Shard': '2' }],
    [{}, {}],
    [null, had],
    [undefined, had],
  ]
  for (const [request_headers, expected] of table) {
    const { answer } = await pinged(t, { json: { request_headers } }, had)
    t.same(answer.session.requestHeaders, expected, JSON.stringify(request_headers))
  }
})

t.test('a ping that says little is an idle one', async t => {
  for (const json of [
    {},
    { action: null, job: null },
    { action: 'idle' },
    { action: 'new-word' },
  ]) {
    const { answer, session } = await pinged(t, { json })
    t.notOk(answer.ping.job)
    t.same(answer.session, session)
  }
  const { answer } = await pinged(t, { json: { job: { id: 'j', state: 'assigned' } } })
  t.equal(answer.ping.job?.id, 'j')
})

t.test('nonsense is a problem, and no answer is not asked for twice', async t => {
  const invalid = await failure(pinged(t, { raw: 'not JSON' }))
  t.ok(isProblem(invalid, 'UPSTREAM_INVALID'))
  const { endpoint, got } = await scripted(t, () => ({ status: 503 }))
  t.match(await failure(ping(connection(t), agentAt(endpoint))), { status: 503 })
  t.equal(got.length, 1)
})

t.test('a new endpoint is taken when it answers a ping itself', async t => {
  const other = await scripted(t, () => ({ json: { job: { id: 'from-the-other' } } }))
  const { answer, got } = await pinged(t, { json: { endpoint: `${other.endpoint}/` } })
  t.equal(answer.session.endpoint, other.endpoint)
  t.equal(answer.ping.job?.id, 'from-the-other')
  t.equal(got.length, 1)
  t.equal(other.got[0]?.headers.authorization, 'Token session-token')
})

t.test('a new endpoint that does not answer, or not as upstream does, is not taken', async t => {
  const odd = await scripted(t, () => ({ raw: '<html>' }))
  const refusing = await scripted(t, () => ({ status: 401 }))
  for (const next of [await nowhere(), odd.endpoint, refusing.endpoint]) {
    const said = { json: { endpoint: next, job: { id: 'first' } } }
    const { answer, session } = await pinged(t, said)
    t.equal(answer.session.endpoint, session.endpoint)
    t.equal(answer.ping.job?.id, 'first', 'what the first said still counts')
  }
})

t.test('the endpoint that we have already is not asked twice', async t => {
  const server = await scripted(t, () => ({ json: { endpoint: `${server.endpoint}/` } }))
  const answer = await ping(connection(t), agentAt(server.endpoint))
  t.equal(answer.session.endpoint, server.endpoint)
  t.equal(server.got.length, 1)
})
