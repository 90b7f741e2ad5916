import { request as httpRequest } from 'node:http'
import { createServer } from 'node:net'
import { once } from 'node:events'
import t from 'tap'
import { Fence } from '../../lib/fence.js'
import { Hold } from '../../lib/gateway/hold.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { nowhere, scripted, type Said } from '../upstream/scripted.js'
import { FakeRun, caller, gatewayOf, type Given } from './gateway-of.js'

type Tap = { teardown(end: () => unknown): void }

const limits = { holdMs: 45_000, shortHoldMs: 5_000 }
const chunkPath = (job: string) => `${job}/chunks?sequence=1&offset=0&size=1`
const chunk = { token: 'job', body: Buffer.from('x') }

async function holding(t: Tap, script: () => Said, given: Given = {}) {
  const upstream = await scripted(t, script)
  return { upstream, ...(await gatewayOf(t, upstream.endpoint, { limits, ...given })) }
}

/** Whether a promise is still unsettled after the gateway has had time to look twice. */
async function pending(promise: Promise<unknown>): Promise<boolean> {
  const quiet = new Promise(resolve => setTimeout(resolve, 250, 'pending'))
  return (await Promise.race([promise, quiet])) === 'pending'
}

t.test('while the fence is closed calls wait, unread, and go on when it opens', async t => {
  const fence = new Fence(() => 0)
  const { call, job, upstream, run } = await holding(t, () => ({ json: {} }), { fence })
  const calling = [
    call('POST', `${job}/data/set`, { token: 'job', json: { key: 'a' } }),
    call('POST', chunkPath(job), chunk),
    call('PUT', `${job}/finish`, { token: 'job', json: { exit_status: '0' } }),
    call('PUT', `${job}/acquire`, { token: 'session' }),
    call('PUT', `${job}/start`, { token: 'job', json: {} }),
    call('POST', '/v3/register', { token: 'pod', json: {} }),
  ]
  t.ok(await pending(Promise.race(calling)))
  t.same(upstream.got, [])
  t.same(run.told, [])
  fence.extend(Infinity)
  for (const { status } of await Promise.all(calling)) t.equal(status, 200)
})

t.test('a heartbeat and a look at the job need no lease', async t => {
  const fence = new Fence(() => 0)
  const { call, job } = await holding(t, () => ({ json: { state: 'running' } }), { fence })
  t.match(await call('POST', '/v3/heartbeat', { token: 'session', json: {} }), { status: 200 })
  t.match(await call('GET', job, { token: 'job' }), { status: 200 })
})

t.test('what waits too long is told to come again', async t => {
  const fence = new Fence(() => 0)
  const { call, job, clock } = await holding(t, () => ({}), { fence })
  const calling = call('POST', chunkPath(job), chunk)
  t.ok(await pending(calling))
  clock.advance(44_000)
  t.ok(await pending(calling))
  clock.advance(1_000)
  const { status, headers } = await calling
  t.equal(status, 503)
  t.match(headers['retry-after'], /^\d+$/)
})

t.test(
  'before the runs of an earlier process are known, calls wait; the short ones not for long',
  async t => {
    const { call, job, state, clock } = await holding(t, () => ({ json: { state: 'running' } }))
    state.is = 'starting'
    const [chunking, looking] = [
      call('POST', chunkPath(job), chunk),
      call('GET', job, { token: 'job' }),
    ]
    t.ok(await pending(Promise.race([chunking, looking])))
    clock.advance(5_000)
    t.match(await looking, { status: 503 })
    state.is = 'leading'
    t.match(await chunking, { status: 200 })
  },
)

t.test('what waits is sent elsewhere when another process takes over', async t => {
  const { call, job, state } = await holding(t, () => ({}))
  state.is = 'starting'
  const calling = call('POST', chunkPath(job), chunk)
  t.ok(await pending(calling))
  state.is = 'standby'
  t.match(await calling, { status: 503, headers: { connection: 'close' } })
})

t.test('while nobody is there upstream, a call waits and is sent when somebody is', async t => {
  const endpoint = await nowhere()
  const { call, job, clock, run } = await gatewayOf(t, endpoint, { limits })
  const calling = call('POST', chunkPath(job), chunk)
  await until(() => run.told.length === 2)
  t.match(run.told, [['began'], ['refused']], 'it was not sent')
  const got: string[] = []
  const server = createServer(socket => {
    socket.on('data', data => {
      got.push(data.toString())
      if (/\r\n\r\nx$/.test(got.join(''))) {
        socket.end('HTTP/1.1 201 Created\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}')
      }
    })
  }).listen(Number(new URL(endpoint).port), '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  clock.advance(1_000)
  t.match(await calling, { status: 201 })
  t.match(run.told, [['began'], ['refused'], ['began'], ['taken']])
})

t.test("the job's state is not waited for when nobody is there", async t => {
  const { call, job, clock } = await gatewayOf(t, await nowhere(), { limits })
  t.match(await call('GET', job, { token: 'job' }), { status: 503 })
  const again = call('GET', job, { token: 'job' })
  t.ok(await pending(again))
  clock.advance(5_000)
  t.match(await again, { status: 503 })
})

t.test(
  "upstream's Retry-After is kept, and then one call finds out whether it is over",
  async t => {
    let said: Said = { status: 429, headers: { 'retry-after': '20' } }
    const { call, job, clock, upstream } = await holding(t, () => said)
    t.match(await call('POST', chunkPath(job), chunk), {
      status: 503,
      headers: { 'retry-after': '20' },
    })
    const calls = [1, 2, 3].map(() => call('POST', chunkPath(job), chunk))
    clock.advance(19_000)
    t.ok(await pending(Promise.race(calls)))
    t.equal(upstream.got.length, 1)
    const other = call('POST', `${job}/data/set`, { token: 'job', json: {} })
    t.match(await other, { status: 429 }, 'a limit on chunks says nothing about the rest')
    said = { status: 201 }
    clock.advance(1_000)
    for (const { status } of await Promise.all(calls)) t.equal(status, 201)
  },
)

t.test('one probe at a time', async t => {
  const waiting: ((said: Said) => void)[] = []
  const upstream = await scripted(t, () => new Promise<Said>(resolve => waiting.push(resolve)))
  const { call, job, clock } = await gatewayOf(t, upstream.endpoint, { limits })
  const first = call('POST', chunkPath(job), chunk)
  await until(() => waiting.length === 1)
  waiting[0]?.({ status: 503 })
  t.match(await first, { status: 503 })
  const calls = [1, 2, 3, 4].map(() => call('POST', chunkPath(job), chunk))
  clock.advance(500)
  await until(() => waiting.length === 2)
  t.ok(await pending(Promise.race(calls)))
  t.equal(waiting.length, 2)
  waiting[1]?.({ status: 201 })
  await until(() => waiting.length === 5)
  for (const answer of waiting) answer({ status: 201 })
  for (const { status } of await Promise.all(calls)) t.equal(status, 201)
})

t.test('one job that upstream fails on does not hold back another', async t => {
  const upstream = await scripted(t, got => ({
    status: got.path.includes('/jobs/01890000-0000-4000-8000-000000000001/') ? 500 : 201,
  }))
  const second = new FakeRun(upstream.endpoint, '01890000-0000-4000-8000-000000000002')
  const { call, job, port } = await gatewayOf(t, upstream.endpoint, { limits, runs: [second] })
  for (const word of ['data/get', 'secrets', 'artifacts', 'pipelines']) {
    t.match(await call('POST', `${job}/${word}`, { token: 'job', json: {} }), { status: 500 }, word)
  }
  const path = chunkPath(`/v3/jobs/${second.jobId}`)
  t.match(await caller(port, second)('POST', path, chunk), { status: 201 })
})

t.test('a held call whose pod goes away is dropped', async t => {
  const fence = new Fence(() => 0)
  const { port, job, authorization, upstream, run } = await holding(t, () => ({}), { fence })
  const headers = { authorization: authorization('job'), 'content-length': 1 }
  const path = chunkPath(job)
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, headers })
  outgoing.on('error', () => undefined)
  outgoing.end('x')
  await new Promise(resolve => setTimeout(resolve, 150))
  outgoing.destroy()
  await new Promise(resolve => setTimeout(resolve, 150))
  fence.extend(Infinity)
  await new Promise(resolve => setTimeout(resolve, 250))
  t.same(upstream.got, [])
  t.same(run.told, [])
})

t.test('a run that ends while its call waits: the call is refused, and not sent', async t => {
  const fence = new Fence(() => 0)
  const { call, job, upstream, run, audits } = await holding(t, () => ({}), { fence })
  const calls = [
    call('POST', `${job}/data/set`, { token: 'job', json: {} }),
    call('POST', chunkPath(job), chunk),
  ]
  t.ok(await pending(Promise.race(calls)))
  run.over = true
  fence.extend(Infinity)
  t.same(
    (await Promise.all(calls)).map(({ status }) => status),
    [401, 400],
  )
  t.same(upstream.got, [])
  t.same(run.told, [])
  t.equal(audits().length, 2)
})

t.test("a run that turns out to be another pod's while a call waits: the same", async t => {
  const fence = new Fence(() => 0)
  const { call, job, upstream, run } = await holding(t, () => ({}), { fence })
  const calling = call('POST', chunkPath(job), chunk)
  t.ok(await pending(calling))
  run.uid = 'another'
  fence.extend(Infinity)
  t.match(await calling, { status: 401 })
  t.same(upstream.got, [])
})

t.test('a fence that closes while a call is under way is a passing fault', async t => {
  const fence = new Fence(() => 0)
  fence.extend(1)
  const upstream = await scripted(t, () => new Promise<Said>(() => undefined))
  const { call, job, run } = await gatewayOf(t, upstream.endpoint, { fence })
  const calls = [
    call('POST', `${job}/data/set`, { token: 'job', json: {} }),
    call('POST', chunkPath(job), chunk),
  ]
  await until(() => upstream.got.length === 2)
  fence.close()
  for (const { status, headers } of await Promise.all(calls)) {
    t.equal(status, 503)
    t.ok(headers['retry-after'])
  }
  t.match(run.told, [['began'], ['unknown']], 'upstream may have it')
})

t.test('quiesce: nothing new goes upstream, what is under way ends', async t => {
  let answer = () => {}
  const upstream = await scripted(
    t,
    () => new Promise<Said>(resolve => (answer = () => resolve({ status: 201 }))),
  )
  const { gateway, call, job } = await gatewayOf(t, upstream.endpoint)
  const calling = call('POST', chunkPath(job), chunk)
  await until(() => upstream.got.length === 1)
  let quiet = false
  const quiescing = gateway.quiesce(60_000).then(() => (quiet = true))
  const refused = await call('POST', chunkPath(job), chunk)
  t.match(refused, { status: 503, headers: { 'retry-after': '1', connection: 'close' } })
  t.match(await call('GET', '/readyz'), { status: 503 })
  t.match(await call('GET', '/healthz'), { status: 200 })
  t.notOk(quiet)
  answer()
  t.match(await calling, { status: 201 })
  await quiescing
  t.equal(upstream.got.length, 1)
})

t.test(
  'quiesce does not wait for longer than it was told to, and held calls are let go',
  async t => {
    const fence = new Fence(() => 0)
    const never = () => new Promise<Said>(() => undefined)
    const upstream = await scripted(t, never)
    const { gateway, call, job } = await gatewayOf(t, upstream.endpoint, { fence, limits })
    const held = call('POST', chunkPath(job), chunk)
    t.ok(await pending(held))
    await gateway.quiesce(10)
    t.match(await held, { status: 503, headers: { 'retry-after': '1' } })
  },
)

t.test('calls of one pod above its number wait for the ones before', async t => {
  const waiting: ((said: Said) => void)[] = []
  const upstream = await scripted(t, () => new Promise<Said>(resolve => waiting.push(resolve)))
  const given = { limits: { ...limits, callsPerPod: 2, heldPerPod: 1 } }
  const { call, job } = await gatewayOf(t, upstream.endpoint, given)
  const send = () => call('POST', `${job}/data/set`, { token: 'job', json: {} })
  const two = [send(), send()]
  await until(() => waiting.length === 2)
  const third = send()
  t.ok(await pending(third))
  t.match(await send(), { status: 503 }, 'and only so many wait')
  t.match(await call('POST', '/v3/heartbeat', { token: 'session', json: {} }), { status: 200 })
  waiting[0]?.({})
  await until(() => waiting.length === 3)
  for (const answer of waiting) answer({})
  for (const { status } of await Promise.all([...two, third])) t.equal(status, 200)
})

t.test('when it is good again, those who wait go on in their order, not all at once', async t => {
  const clock = new HandClock()
  const hold = new Hold(clock, { held: 1_000, heldPerPod: 10 })
  const went: number[] = []
  let good = false
  const all = [...Array(120).keys()].map(n =>
    hold
      .until(() => (good ? n : undefined), {
        from: clock.now(),
        ms: 1_000,
        gone: new AbortController().signal,
      })
      .then(() => went.push(n)),
  )
  t.equal(hold.size, 120)
  good = true
  await until(() => went.length > 0)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(went.length, 50)
  await Promise.all(all)
  t.same(went, [...Array(120).keys()])
})

t.test('a clock that is set makes nobody wait for longer, and sends nobody away', async t => {
  for (const ms of [-3_600_000, 3_600_000]) {
    const given = { fence: new Fence(() => 0) }
    const { call, clock, gateway, job } = await holding(t, () => ({}), given)
    const calling = call('POST', chunkPath(job), chunk)
    await until(() => gateway.held === 1)
    clock.set(ms)
    t.ok(await pending(calling), 'it waits on')
    clock.advance(45_000)
    t.match(await calling, { status: 503 })
  }
})
