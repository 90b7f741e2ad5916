import t from 'tap'
import {
  accepted,
  call,
  connected,
  emulator,
  finish,
  handClock,
  registration,
  running,
  token,
} from './client.js'

const wrongFields: [field: string, value: unknown][] = [
  ['script_eval_enabled', 'true'],
  ['ignore_in_dispatches', undefined],
  ['priority', 1],
  ['meta_data', 'queue=default'],
  ['features', null],
  ['pid', '7'],
  ['surprise', true],
]

for (const [field, value] of wrongFields) {
  t.test(`register with a wrong ${field} is refused, and a violation`, async t => {
    const upstream = await emulator(t)
    const json = { ...registration, [field]: value }
    const reply = await call(upstream, 'POST', '/register', { token, json })
    t.equal(reply.status, 422)
    t.match(upstream.violations, [field])
    t.same(upstream.agents(), [])
  })
}

t.test('a wrong registration token is a 401, and no violation', async t => {
  const upstream = await emulator(t)
  const reply = await call(upstream, 'POST', '/register', { token: 'wrong', json: registration })
  t.equal(reply.status, 401)
  t.same(upstream.violations, [])
})

t.test('agents beyond the limit are refused until one disconnects', async t => {
  const upstream = await emulator(t, { agentLimit: 1 })
  const session = await connected(upstream)
  const second = await call(upstream, 'POST', '/register', { token, json: registration })
  t.match(second, { status: 422, body: { message: /limit of 1/ } })
  await call(upstream, 'POST', '/disconnect', { token: session })
  const third = await call(upstream, 'POST', '/register', { token, json: registration })
  t.equal(third.status, 200)
  t.same(upstream.violations, [])
})

t.test('tokens of the wrong kind, no token, and calls before connect are violations', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }]')
  const registered = await call(upstream, 'POST', '/register', { token, json: registration })
  const session = String(registered.body['access_token'])
  t.equal((await call(upstream, 'GET', '/ping', { token: session })).status, 422, 'not connected')
  t.equal((await call(upstream, 'GET', '/ping', { token })).status, 401, 'registration token')
  t.equal((await call(upstream, 'GET', '/ping')).status, 401, 'no token')
  const job = await accepted(upstream)
  t.equal((await call(upstream, 'GET', '/ping', { token: job.jobToken })).status, 401, 'job token')
  const json = { started_at: '2026-08-21T08:13:20Z' }
  const start = await call(upstream, 'PUT', `/jobs/${job.id}/start`, { token: job.session, json })
  t.equal(start.status, 401, 'session token')
  t.equal(upstream.violations.length, 5)
})

t.test(
  'a job goes to the agent whose tags fit, to one agent, and comes again until accepted',
  async t => {
    const upstream = await emulator(t)
    upstream.createBuild('steps: [{ command: a, agents: { queue: gpu, size: "*" } }]')
    const plain = await connected(upstream)
    t.same((await call(upstream, 'GET', '/ping', { token: plain })).body, {})
    const gpu = await connected(upstream, { meta_data: ['queue=gpu', 'size=l'] })
    const ping = await call(upstream, 'GET', '/ping', { token: gpu })
    t.match(ping.body, { job: { state: 'assigned' } })
    const other = await connected(upstream, { meta_data: ['queue=gpu', 'size=s'] })
    t.same((await call(upstream, 'GET', '/ping', { token: other })).body, {})
    t.same((await call(upstream, 'GET', '/ping', { token: gpu })).body, ping.body)
    t.same(upstream.violations, [])
  },
)

t.test('an agent that is ignored in dispatches gets nothing, but may acquire', async t => {
  const upstream = await emulator(t)
  const [job] = upstream.createBuild('steps: [{ command: a, agents: { queue: x } }]').jobs
  const session = await connected(upstream, { ignore_in_dispatches: true })
  t.same((await call(upstream, 'GET', '/ping', { token: session })).body, {})
  const path = `/jobs/${job?.id}/acquire`
  t.equal((await call(upstream, 'PUT', path, { token: session })).status, 422, 'no lock header')
  t.match(upstream.violations, [/Lock-Acquire/])
  const headers = { 'x-buildkite-lock-acquire-job': '1' }
  t.match(await call(upstream, 'PUT', path, { token: session, headers }), {
    status: 200,
    body: { state: 'accepted', token: /^bkaj_/ },
  })
  const second = await connected(upstream)
  t.equal((await call(upstream, 'PUT', path, { token: second, headers })).status, 422)
  t.equal(upstream.violations.length, 1, 'too late to acquire is no violation')
})

t.test(
  'a heartbeat is echoed; without any for three minutes the agent is lost and its job ends -1',
  async t => {
    const clock = handClock()
    const upstream = await emulator(t, { clock })
    upstream.createBuild('steps: [{ command: a }]')
    const job = await running(upstream)
    clock.advance(179_000)
    const json = { sent_at: '2026-08-21T10:13:20.5+02:00' }
    const beat = await call(upstream, 'POST', '/heartbeat', { token: job.session, json })
    t.match(beat.body, { sent_at: json.sent_at, received_at: /Z$/ })
    clock.advance(179_000)
    upstream.expire()
    t.equal(upstream.job(job.id).state, 'running')
    clock.advance(1_000)
    upstream.expire()
    t.match(upstream.job(job.id), { state: 'finished', exitStatus: -1, finishCount: 0 })
    t.match(upstream.agents(), [{ state: 'lost' }])
    t.match(upstream.violations, [/agent lost/])
    t.equal((await call(upstream, 'POST', '/heartbeat', { token: job.session, json })).status, 401)
    t.equal((await finish(upstream, job)).status, 401)
    t.equal(upstream.violations.length, 1)
  },
)

t.test('disconnecting with an unfinished job, and any call after it, is a violation', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  await call(upstream, 'POST', '/disconnect', { token: job.session })
  t.match(upstream.job(job.id), { state: 'finished', exitStatus: -1 })
  t.equal((await call(upstream, 'GET', '/ping', { token: job.session })).status, 401)
  t.match(upstream.violations, [/has not finished/, /after disconnect/])
})

t.test('headers that register asks for must come with every later call, job calls too', async t => {
  const headers = { 'Buildkite-Route': 'shard-1' }
  const upstream = await emulator(t, { requestHeaders: headers })
  const registered = await call(upstream, 'POST', '/register', { token, json: registration })
  t.same(registered.body['request_headers'], headers)
  const session = String(registered.body['access_token'])
  await call(upstream, 'POST', '/connect', { token: session, headers })
  t.same(upstream.violations, [])
  t.equal((await call(upstream, 'GET', '/ping', { token: session })).status, 200)
  t.match(upstream.violations, [/Buildkite-Route/])
})

t.test('a person can stop and pause an agent', async t => {
  const upstream = await emulator(t)
  const session = await connected(upstream)
  const [agent] = upstream.agents()
  for (const action of ['pause', 'disconnect'] as const) {
    upstream.instruct(agent?.id ?? '', action)
    t.match((await call(upstream, 'GET', '/ping', { token: session })).body, { action })
  }
  t.match((await call(upstream, 'GET', '/token', { token })).body, { organization_slug: 'sandbox' })
})
