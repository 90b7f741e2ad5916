import t from 'tap'
import { Fence } from '../../lib/fence.js'
import { isFencedCall, UpstreamError, userAgent, type Call } from '../../lib/upstream/connection.js'
import { policies, type RetryPolicy } from '../../lib/upstream/retry.js'
import { HastyClock, HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { connection, failure, nowhere, scripted, type Said } from './scripted.js'

const once: RetryPolicy = { ...policies.start, attempts: 1 }

function call(endpoint: string, more: Partial<Call> = {}): Call {
  return {
    method: 'PUT',
    path: '/jobs/1/x',
    endpoint,
    token: 'secret',
    requestHeaders: {},
    ...more,
  }
}

/** Answers in this order, then with the last. */
function inTurn(...answers: Said[]) {
  let turn = 0
  return () => answers[Math.min(turn++, answers.length - 1)]
}

t.test('a call says who we are, with the token and the headers of its own', async t => {
  const { endpoint, got } = await scripted(t, () => ({ json: { ok: true } }))
  const requestHeaders = { 'Buildkite-Shard': '7' }
  const headers = { 'content-encoding': 'gzip' }
  const answer = await connection(t).send(call(endpoint, { requestHeaders, headers }), once)
  t.same(answer, { status: 200, body: { ok: true } })
  t.match(got[0]?.headers, {
    authorization: 'Token secret',
    'user-agent': userAgent,
    'buildkite-shard': '7',
    'content-encoding': 'gzip',
  })
  t.match(userAgent, /^buildkite-job-spawner\/\S+ \(buildkite-agent\/3\.\d+\.\d+;/)
})

t.test('an object is sent as JSON, a Buffer as it is, nothing as nothing', async t => {
  const { endpoint, got } = await scripted(t, () => ({}))
  const upstream = connection(t)
  await upstream.send(call(endpoint, { body: { a: 1 } }), once)
  await upstream.send(call(endpoint, { body: Buffer.from([0, 255]) }), once)
  await upstream.send(call(endpoint), once)
  t.same(
    got.map(({ body, headers }) => [body.toString('latin1'), headers['content-type']]),
    [
      ['{"a":1}\n', 'application/json'],
      ['\u0000ÿ', undefined],
      ['', undefined],
    ],
  )
})

t.test('an answer without JSON has no body', async t => {
  const { endpoint } = await scripted(t, inTurn({ raw: '' }, { raw: '<html>' }, { status: 201 }))
  const upstream = connection(t)
  for (const answer of [
    { status: 200, body: undefined },
    { status: 200, body: undefined },
    { status: 201, body: {} },
  ]) {
    t.same(await upstream.send(call(endpoint), once), answer)
  }
})

t.test('each status ends a call, or is tried again', async t => {
  const table: [number, boolean][] = [
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [409, false],
    [422, false],
    [429, true],
    [500, true],
    [502, true],
    [503, true],
    [302, true],
    [408, true],
  ]
  for (const [status, again] of table) {
    const { endpoint, got } = await scripted(t, inTurn({ status }, { status: 200 }))
    const sent = connection(t).send(call(endpoint), policies.start)
    if (again) t.match(await sent, { status: 200 }, String(status))
    else t.match(await failure(sent), { name: 'UpstreamError', status })
    t.equal(got.length, again ? 2 : 1, String(status))
  }
})

t.test("a page of somebody's on the way is no answer, whatever its status", async t => {
  const headers = { 'content-type': 'text/html; charset=utf-8' }
  for (const status of [200, 401, 403, 404]) {
    const page = { status, headers, raw: '<h1>Back soon: hunter2</h1>' }
    const { endpoint, got } = await scripted(t, inTurn(page, page, {}))
    const upstream = connection(t)
    t.match(await upstream.send(call(endpoint), policies.finish), { status: 200 }, String(status))
    t.equal(got.length, 3)
    const stays = await scripted(t, () => page)
    const error = await failure(upstream.send(call(stays.endpoint), once))
    t.match(error, { name: 'UpstreamError', status: undefined, fault: { kind: 'undecodable' } })
    t.match(error.message, new RegExp(`: ${status}, with a page`))
    t.notMatch(error.message, /hunter2/)
  }
  const { endpoint } = await scripted(
    t,
    inTurn({ headers, raw: '' }, { ...{ headers }, status: 404, raw: '' }),
  )
  t.match(await connection(t).send(call(endpoint), once), { status: 200 }, 'without words: its own')
  t.match(await failure(connection(t).send(call(endpoint), once)), { status: 404 })
})

t.test('a call waits as long as upstream asks it to', async t => {
  const clock = new HastyClock()
  const { endpoint } = await scripted(
    t,
    inTurn({ status: 429, headers: { 'retry-after': '7' } }, { status: 503 }, {}),
  )
  await connection(t, clock).send(call(endpoint), policies.start)
  t.same(clock.slept, [7_500, 2_500], 'half a second of chance each')
})

t.test('a call is given up after its attempts, with the last fault', async t => {
  const { endpoint, got } = await scripted(t, inTurn({ status: 503 }, { status: 500 }))
  const error = await failure(connection(t).send(call(endpoint), { ...once, attempts: 3 }))
  t.match(error, { status: 500 })
  t.equal(got.length, 3)
})

t.test('no answer is tried again, and then told with its cause and without a token', async t => {
  const endpoint = await nowhere()
  const clock = new HastyClock()
  const error = await failure(
    connection(t, clock).send(call(endpoint, { body: { hidden: 'hunter2' } }), {
      ...policies.start,
      attempts: 2,
    }),
  )
  t.ok(error instanceof UpstreamError)
  t.match(error, { status: undefined, fault: { kind: 'network' } })
  t.match(error.message, /^PUT \/jobs\/1\/x: .*ECONNREFUSED/)
  t.notMatch(error.message, /secret|hunter2/)
  t.equal(clock.slept.length, 1)
})

t.test('an answer that breaks off is no answer', async t => {
  let turn = 0
  const { endpoint, got } = await scripted(t, (_, response) => {
    if (turn++ > 0) return { json: { whole: true } }
    response.writeHead(200, { 'content-length': '100' })
    response.write('{')
    setImmediate(() => response.destroy())
    return undefined
  })
  const answer = await connection(t).send(call(endpoint), policies.start)
  t.same(answer.body, { whole: true })
  t.equal(got.length, 2)
})

t.test("upstream's own words are told, but no page of a proxy's", async t => {
  const { endpoint } = await scripted(
    t,
    inTurn(
      { status: 422, json: { message: `no ${'x'.repeat(500)}` } },
      { status: 403, raw: '<html>hunter2</html>' },
      { status: 400, json: { message: { deep: 'hunter2' } } },
      { status: 400, json: null },
    ),
  )
  const upstream = connection(t)
  const words = async () => (await failure(upstream.send(call(endpoint), once))).message
  t.equal((await words()).length, 'PUT /jobs/1/x: 422 '.length + 300)
  t.equal(await words(), 'PUT /jobs/1/x: 403')
  t.equal(await words(), 'PUT /jobs/1/x: 400')
  t.equal(await words(), 'PUT /jobs/1/x: 400')
})

t.test('an abort ends the waiting and the call, with its own reason', async t => {
  const { endpoint, got } = await scripted(t, inTurn({ status: 503 }))
  const clock = new HandClock()
  const stop = new AbortController()
  const sent = failure(connection(t, clock).send(call(endpoint), policies.start, stop.signal))
  await until(() => clock.sleeping > 0)
  const reason = new Error('enough')
  stop.abort(reason)
  t.equal(await sent, reason)
  const early = failure(connection(t).send(call(endpoint), policies.start, stop.signal))
  t.equal(await early, reason)
  t.equal(got.length, 1)
})

t.test('calls share connections', async t => {
  const ports = new Set<number | undefined>()
  const { endpoint } = await scripted(t, (_, response) => {
    ports.add(response.socket?.remotePort)
    return {}
  })
  const upstream = connection(t)
  for (let n = 0; n < 20; n++) await upstream.send(call(endpoint), once)
  t.ok(ports.size <= 2, `${ports.size} connections for 20 calls`)
})

t.test('what needs the lease, and what does not', t => {
  const rows: [string, string, boolean][] = [
    ['GET', '/v3/jobs/1', false],
    ['GET', '/v3/ping', true],
    ['POST', '/v3/heartbeat', false],
    ['POST', '/heartbeat', false],
    ['POST', '/v3/connect', true],
    ['PUT', '/v3/jobs/1/finish', true],
    ['POST', '/v3/jobs/1/chunks', true],
    // The last word of these is a pod's.
    ['DELETE', '/v3/jobs/1/annotations/heartbeat', true],
    ['POST', '/v3/cache_registries/heartbeat', true],
  ]
  for (const [method, path, wanted] of rows) {
    t.equal(isFencedCall({ method, path }), wanted, `${method} ${path}`)
  }
  t.end()
})

t.test('a call waits while the fence is closed; heartbeats and reading do not', async t => {
  const server = await scripted(t, inTurn({}))
  const { endpoint } = server
  const fence = new Fence()
  const upstream = connection(t, undefined, fence)
  const waiting = [
    upstream.send(call(endpoint), once),
    upstream.send(call(endpoint, { method: 'GET', path: '/ping' }), once),
    upstream.send(call(endpoint, { method: 'GET', path: '/ping?again=1' }), once),
  ]
  await upstream.send(call(endpoint, { method: 'POST', path: '/heartbeat' }), once)
  await upstream.send(call(endpoint, { method: 'GET', path: '/jobs/1' }), once)
  t.same(server.calls(), ['POST /heartbeat', 'GET /jobs/1'])
  fence.extend(Infinity)
  await Promise.all(waiting)
  t.equal(server.calls().length, 5)
})

t.test(
  'a call that is cut off when the fence closes is made again, and that is no attempt',
  async t => {
    let answering = false
    const { endpoint, got } = await scripted(t, () => (answering ? {} : undefined))
    const fence = new Fence()
    fence.extend(Infinity)
    const clock = new HandClock()
    const sent = connection(t, clock, fence).send(call(endpoint), once)
    for (let n = 1; n <= 3; n++) {
      await until(() => got.length === n)
      fence.close()
      answering = n === 3
      fence.extend(Infinity)
    }
    await sent
    t.equal(got.length, 4)
    t.same(clock.slept, [])
  },
)

t.test('who waits for the lease can stop, with the own reason', async t => {
  const { endpoint, got } = await scripted(t, inTurn({}))
  const stop = new AbortController()
  const fence = new Fence()
  const sent = failure(connection(t, undefined, fence).send(call(endpoint), once, stop.signal))
  const reason = new Error('enough')
  stop.abort(reason)
  t.equal(await sent, reason)
  fence.extend(Infinity)
  t.equal(got.length, 0)
})
