import t from 'tap'
import { failure, nowhere, scripted, type Said } from '../upstream/scripted.js'
import { FakeRun, gatewayOf, header, podUid } from './gateway-of.js'

const chunkQuery = '?sequence=1&offset=0&size=5'

async function with_(t: Tap, said: Said = {}) {
  const upstream = await scripted(t, () => said)
  return { upstream, ...(await gatewayOf(t, upstream.endpoint)) }
}
type Tap = { teardown(end: () => unknown): void }

t.test('a pod agent comes to its job without a word to upstream', async t => {
  const { call, run, job, upstream, authorization } = await with_(t)
  const registered = await call('POST', '/v3/register', {
    token: 'pod',
    json: { hostname: 'pod-1', meta_data: ['queue=x'] },
  })
  t.match(registered, {
    status: 200,
    json: {
      id: run.jobId,
      name: 'ci-1',
      access_token: authorization('session').slice('Token '.length),
      endpoint: '',
      ping_interval: Number,
      job_status_interval: Number,
      heartbeat_interval: Number,
      meta_data: ['queue=x'],
    },
  })
  for (const key of ['ping_interval', 'job_status_interval', 'heartbeat_interval']) {
    t.ok(Number.isInteger(registered.json[key]), `${key}: the real agent wants whole seconds`)
  }
  t.match(await call('POST', '/v3/connect', { token: 'session' }), {
    status: 200,
    json: { connection_state: 'connected' },
  })
  t.same((await call('GET', '/v3/ping', { token: 'session' })).json, {})
  const sent_at = '2026-08-21T08:13:20.123Z'
  t.match(await call('POST', '/v3/heartbeat', { token: 'session', json: { sent_at } }), {
    status: 200,
    json: { sent_at, received_at: new Date(1_000_000).toISOString() },
  })
  t.match(await call('PUT', `${job}/start`, { token: 'job', json: {} }), { status: 200 })
  t.match(await call('POST', '/v3/disconnect', { token: 'session' }), { status: 200 })
  t.same(run.told, [['bind', podUid], ['connected', 'pod-1'], ['started']])
  t.same(upstream.got, [])
})

t.test("the job has our token in place of upstream's, and no endpoint", async t => {
  const { call, run, job, authorization } = await with_(t)
  const token = authorization('job').slice('Token '.length)
  for (const again of [false, true]) {
    const { status, json, body } = await call('PUT', `${job}/acquire`, { token: 'session' })
    t.equal(status, 200, again ? 'the first answer may have been lost' : '')
    t.same(json, { ...run.payload, token, endpoint: '' })
    t.notMatch(body.toString(), /real-job-token|upstream\.example/)
  }
  run.acquirable = false
  t.match(await call('PUT', `${job}/acquire`, { token: 'session' }), { status: 422 })
})

t.test('a register or a heartbeat with an odd body is borne', async t => {
  const { call, run } = await with_(t)
  for (const body of [undefined, Buffer.from('nonsense'), Buffer.from('{"hostname":5}')]) {
    t.match(await call('POST', '/v3/register', { token: 'pod', body }), { status: 200 })
    t.match(await call('POST', '/v3/heartbeat', { token: 'session', body }), { status: 200 })
  }
  const admitted = [
    ['bind', podUid],
    ['connected', 'pod-1'],
  ]
  t.same(run.told, [...admitted, ...admitted, ...admitted])
})

t.test('a chunk goes behind our own lines, its body untouched', async t => {
  const { call, run, job, upstream } = await with_(t, { status: 201 })
  const body = Buffer.from([0x1f, 0x8b, 0, 255, 7])
  const headers = { 'content-encoding': 'gzip', 'content-type': 'text/plain' }
  const path = `${job}/chunks?sequence=3&offset=10&size=99`
  t.match(await call('POST', path, { token: 'job', body, headers }), { status: 201 })
  t.match(upstream.got, [
    {
      method: 'POST',
      path: `/jobs/${run.jobId}/chunks?sequence=5&offset=90&size=99`,
      headers: {
        ...headers,
        authorization: 'Token real-job-token',
        'buildkite-shard': '7',
        'content-length': '5',
      },
    },
  ])
  t.ok(upstream.got[0]?.body.equals(body))
  const chunk = { sequence: 5, offset: 90, size: 99 }
  t.same(run.told, [
    ['began', chunk],
    ['taken', chunk],
  ])
})

t.test('a chunk that upstream does not take yet is put off, never refused', async t => {
  for (const [status, retryAfter, expected, outcome] of [
    [429, '7', '7', 'refused'],
    [429, '-7', '1', 'refused'],
    [429, '86400', '60', 'refused'],
    [500, undefined, '1', 'unknown'],
    [503, 'soon', '1', 'unknown'],
    [408, undefined, '1', 'refused'],
    [307, undefined, '1', 'refused'],
  ] as const) {
    const { call, run, job } = await with_(t, {
      status,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    })
    const answered = await call('POST', `${job}/chunks${chunkQuery}`, {
      token: 'job',
      body: Buffer.from('x'),
    })
    t.equal(answered.status, 503, String(status))
    t.equal(answered.headers['retry-after'], expected)
    const chunk = { sequence: 3, offset: 80, size: 5 }
    t.same(run.told, [
      ['began', chunk],
      [outcome, chunk],
    ])
  }
})

t.test("a page of somebody's on the way takes no chunk, and loses none", async t => {
  for (const status of [200, 403, 404]) {
    const headers = { 'content-type': 'text/html' }
    const { call, run, job } = await with_(t, { status, headers, raw: '<h1>Back soon</h1>' })
    const sent = { token: 'job', body: Buffer.from('x') }
    t.match(await call('POST', `${job}/chunks${chunkQuery}`, sent), { status: 503 })
    t.match(run.told, [['began'], ['unknown', { sequence: 3, offset: 80, size: 5 }]])
  }
})

t.test('an answer without words that calls itself HTML is passed on', async t => {
  for (const status of [201, 404]) {
    const said = { status, headers: { 'content-type': 'text/html' }, raw: '' }
    const { call, job } = await with_(t, said)
    const sent = { token: 'job', body: Buffer.from('x') }
    t.match(await call('POST', `${job}/chunks${chunkQuery}`, sent), { status })
    t.match(await call('POST', `${job}/data/get`, { token: 'job', json: {} }), { status })
  }
})

t.test("upstream's last word on a chunk is passed on", async t => {
  const { call, run, job } = await with_(t, { status: 400, json: { message: 'no' } })
  const sent = { token: 'job', body: Buffer.from('x') }
  t.match(await call('POST', `${job}/chunks${chunkQuery}`, sent), { status: 400 })
  t.match(run.told, [['began'], ['refused', { sequence: 3, offset: 80, size: 5 }]])
})

t.test('a chunk without numbers is a fault of its sender', async t => {
  const { call, job, upstream } = await with_(t)
  for (const query of ['', '?sequence=1&offset=0', '?sequence=x&offset=0&size=1']) {
    const sent = { token: 'job', body: Buffer.from('x') }
    t.match(await call('POST', `${job}/chunks${query}`, sent), { status: 400 }, query)
  }
  t.same(upstream.got, [])
})

t.test("the job's state is upstream's, and the run hears of it", async t => {
  const { call, run, job } = await with_(t, { json: { state: 'canceling', more: 1 } })
  const { status, json } = await call('GET', job, { token: 'job' })
  t.equal(status, 200)
  t.same(json, { state: 'canceling', more: 1 })
  t.same(run.told, [['state', 'canceling']])
})

t.test('a state that upstream can not tell now is put off; its refusals are passed on', async t => {
  for (const [status, expected] of [
    [500, 503],
    [429, 503],
    [401, 401],
    [404, 404],
  ] as const) {
    const { call, run, job } = await with_(t, { status, json: { message: 'x' } })
    t.match(await call('GET', job, { token: 'job' }), { status: expected }, String(status))
    t.same(run.told, [])
  }
  for (const status of [401, 404]) {
    const { call, job } = await with_(t, { status, raw: 'no words of upstream' })
    t.match(await call('GET', job, { token: 'job' }), { status: 503 }, 'no word of upstream')
  }
  const { call, job } = await gatewayOf(t, await nowhere())
  const { status, headers } = await call('GET', job, { token: 'job' })
  t.equal(status, 503)
  t.ok(headers['retry-after'])
})

t.test("the pod's finish is the run's to deliver, word for word", async t => {
  const { call, run, job, upstream } = await with_(t)
  const json = { exit_status: '7', signal: 'SIGTERM', chunks_failed_count: 1, odd: [1] }
  const outcomes: [typeof run.outcome, number][] = [
    [{ state: 'done' }, 200],
    [{ state: 'over' }, 422],
    [{ state: 'refused', status: 401 }, 401],
    [{ state: 'refused', status: 502 }, 503],
    [{ state: 'passing' }, 503],
  ]
  for (const [outcome, status] of outcomes) {
    run.outcome = outcome
    const answered = await call('PUT', `${job}/finish`, { token: 'job', json })
    t.equal(answered.status, status, outcome.state)
    if (status === 503) t.ok(answered.headers['retry-after'])
  }
  t.same(run.told[0], ['finish', json])
  t.same(upstream.got, [])
})

t.test('a finish without an exit status ends nothing', async t => {
  const { call, run, job } = await with_(t)
  for (const body of ['', 'nonsense', '{}', '{"exit_status":7}', 'null']) {
    const sent = { token: 'job', body: Buffer.from(body) }
    t.match(await call('PUT', `${job}/finish`, sent), { status: 400 }, body)
  }
  t.same(run.told, [])
})

t.test('a pod that outlives its run ends well, and nothing of it goes upstream', async t => {
  const { call, run, job, upstream } = await with_(t)
  run.over = true
  const chunk = { token: 'job', body: Buffer.from('x') }
  t.match(await call('POST', '/v3/heartbeat', { token: 'session', json: {} }), { status: 200 })
  t.match(await call('GET', '/v3/ping', { token: 'session' }), { status: 200 })
  t.match(await call('POST', '/v3/disconnect', { token: 'session' }), { status: 200 })
  t.match(await call('GET', job, { token: 'job' }), { status: 200, json: { state: 'canceled' } })
  t.match(await call('PUT', `${job}/acquire`, { token: 'session' }), { status: 422 })
  t.match(await call('PUT', `${job}/start`, { token: 'job', json: {} }), { status: 422 })
  t.match(await call('POST', `${job}/chunks${chunkQuery}`, chunk), { status: 400 })
  t.match(await call('POST', '/v3/register', { token: 'pod', json: {} }), { status: 401 })
  t.match(await call('POST', `${job}/data/get`, { token: 'job', json: {} }), { status: 401 })
  t.same(run.told, [['bind', podUid]])
  t.same(upstream.got, [])
})

t.test('the pod of a run that is not known is answered so that it ends', async t => {
  const { call, upstream, audits } = await with_(t)
  const gone = new FakeRun(upstream.endpoint, 'gone')
  const token = header(gone)('session')
  const job = '/v3/jobs/gone'
  const table: [string, string, number, object][] = [
    ['POST', '/v3/heartbeat', 200, {}],
    ['GET', '/v3/ping', 200, { action: 'disconnect' }],
    ['POST', '/v3/disconnect', 200, { connection_state: 'disconnected' }],
    ['PUT', `${job}/acquire`, 422, {}],
    ['POST', '/v3/register', 401, {}],
    ['GET', job, 401, {}],
    ['PUT', `${job}/finish`, 401, {}],
    ['POST', `${job}/chunks${chunkQuery}`, 401, {}],
    ['POST', `${job}/data/get`, 401, {}],
  ]
  for (const [method, path, status, json] of table) {
    t.match(await call(method, path, { token, json: {} }), { status, json }, path)
  }
  t.equal(audits().length, 6, 'its last words are no attempt on anything')
  t.same(upstream.got, [])
})

t.test('an answer that breaks off is an error to the pod, not a short success', async t => {
  const upstream = await scripted(t, (_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half')
    setTimeout(() => response.destroy(), 10)
    return undefined
  })
  const { call, job } = await gatewayOf(t, upstream.endpoint)
  t.ok(await failure(call('GET', `${job}/secrets?key=a`, { token: 'job' })))
})
