import { connect } from 'node:net'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { Agent } from 'undici'
import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { openFence } from '../../lib/fence.js'
import { credential } from '../../lib/gateway/credentials.js'
import { Gateway } from '../../lib/gateway/server.js'
import { silentLog } from '../../lib/log.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { failure, scripted } from '../upstream/scripted.js'
import { gatewayOf, podUid } from './gateway-of.js'

const other = '01890000-0000-4000-8000-000000000002'

t.test('the kubelet may ask how we are without a token', async t => {
  const { call, state } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  t.match(await call('GET', '/healthz'), { status: 200, json: { status: 'ok' } })
  t.match(await call('GET', '/readyz'), { status: 200 })
  t.match(await call('GET', '/warmz'), { status: 200 })
  for (const is of ['standby', 'starting'] as const) {
    state.is = is
    t.match(await call('GET', '/readyz'), { status: 503, json: { status: is } })
    t.match(await call('GET', '/warmz'), { status: 200 }, 'a standby is as it should be')
    t.match(await call('GET', '/healthz'), { status: 200 }, 'alive all the same')
  }
  state.cold = 'waiting for pods'
  t.match(await call('GET', '/warmz'), { status: 503, json: { status: 'waiting for pods' } })
})

t.test('what is no route is not found, the streaming ping among it', async t => {
  const { call } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  for (const path of [
    '/',
    '/v3',
    '/v3/',
    '/v3/token',
    '/v2/ping',
    '/buildkite.agent.v1.AgentEdgeService/StreamPings',
    '/v3/buildkite.agent.v1.AgentEdgeService/StreamPings',
  ]) {
    t.match(await call('POST', path, { token: 'session' }), { status: 404 }, path)
  }
})

t.test('before the runs of an earlier process are known, all is put off', async t => {
  const { call, state, job } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  state.is = 'starting'
  for (const [method, path] of [
    ['POST', '/v3/register'],
    ['POST', '/v3/heartbeat'],
    ['PUT', `${job}/finish`],
    ['POST', `${job}/chunks`],
    ['GET', job],
  ] as const) {
    const { status, headers } = await call(method, path, { token: 'job' })
    t.equal(status, 503, path)
    t.match(headers['retry-after'], /^\d+$/)
  }
})

t.test('a standby sends every call elsewhere, over a new connection', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, state, job } = await gatewayOf(t, upstream.endpoint)
  state.is = 'standby'
  for (const [method, path] of [
    ['POST', '/v3/register'],
    ['POST', '/v3/heartbeat'],
    ['GET', job],
    ['POST', `${job}/chunks?sequence=1&offset=0&size=1`],
    ['PUT', `${job}/finish`],
  ] as const) {
    const { status, headers } = await call(method, path, { token: 'job', json: {} })
    t.equal(status, 503, path)
    t.match(headers, { 'retry-after': /^\d+$/, connection: 'close' })
  }
  t.same(upstream.got, [])
})

t.test('who is sent elsewhere amid a large body hears so, and meets no reset', async t => {
  const upstream = await scripted(t, () => ({}))
  const { port, job, state, authorization } = await gatewayOf(t, upstream.endpoint)
  state.is = 'standby'
  const size = 8 * 1024 * 1024
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise(resolve => socket.once('close', resolve))
  const faults: unknown[] = []
  let said = ''
  socket.on('error', error => faults.push(error)).on('data', data => (said += String(data)))
  const head = [
    `POST ${job}/annotations HTTP/1.1`,
    'Host: gateway',
    `Authorization: ${authorization('job')}`,
    `Content-Length: ${size}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(Buffer.alloc(size, 'x'))
  await closed
  t.same(faults, [])
  t.match(said, /^HTTP\/1.1 503 [^]*connection: close/i)
})

t.test('each call wants its own kind of token', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, job, run, audits } = await gatewayOf(t, upstream.endpoint)
  const wants: [string, string, string][] = [
    ['POST', '/v3/register', 'pod'],
    ['POST', '/v3/connect', 'session'],
    ['PUT', `${job}/start`, 'job'],
    ['POST', `${job}/chunks`, 'job'],
    ['PUT', `${job}/finish`, 'job'],
    ['POST', `${job}/data/set`, 'job'],
  ]
  for (const [method, path, kind] of wants) {
    for (const token of ['pod', 'session', 'job']) {
      if (token === kind) continue
      t.match(await call(method, path, { token }), { status: 401 }, `${token} on ${path}`)
    }
  }
  t.match(await call('PUT', `${job}/acquire`, { token: 'job' }), { status: 422 })
  t.match(
    await call('POST', '/v3/heartbeat', { token: 'job' }),
    { status: 200, json: {} },
    'a 4xx hangs the agent',
  )
  t.equal(audits().length, 14, 'one line for each')
  t.same(upstream.got, [])
  t.same(run.told, [])
})

t.test('a token that we did not give out is refused', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, job, run, authorization } = await gatewayOf(t, upstream.endpoint)
  const genuine = authorization('job').slice('Token '.length)
  const bearer = { podUid, addresses: [] }
  for (const token of [
    '',
    'Token x',
    'Bearer abc',
    `Token ${genuine.slice(0, -1)}${genuine.endsWith('A') ? 'B' : 'A'}`,
    `Token ${credential('job', { ...bearer, jobId: run.jobId, secret: 'b3RoZXI' })}`,
    `Token ${credential('job', { ...bearer, jobId: other, secret: run.secret })}`,
    'Token real-job-token',
  ]) {
    t.match(await call('POST', `${job}/data/set`, { token }), { status: 401 }, token.slice(0, 20))
  }
  t.match(await call('POST', `${job}/data/set`), { status: 401 }, 'none at all')
  t.same(upstream.got, [])
})

t.test("a job can't touch another's life, and upstream never hears of it", async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, run } = await gatewayOf(t, upstream.endpoint)
  for (const [method, path, token] of [
    ['PUT', 'acquire', 'session'],
    ['PUT', 'start', 'job'],
    ['POST', 'chunks?sequence=1&offset=0&size=1', 'job'],
    ['PUT', 'finish', 'job'],
    ['GET', '', 'job'],
  ] as const) {
    const at = `/v3/jobs/${other}/${path}`.replace(/\/$/, '')
    const status = path === 'acquire' ? 422 : 403
    t.match(await call(method, at, { token }), { status }, at)
  }
  t.same(upstream.got, [])
  t.same(run.told, [])
})

t.test('no spelling of a path brings a guarded call past the gateway', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, run, audits } = await gatewayOf(t, upstream.endpoint)
  const own = run.jobId
  const paths: [string, string][] = [
    ['PUT', `/v3/jobs//${other}/finish`],
    ['PUT', `/v3//jobs/${other}/finish`],
    ['PUT', `//v3/jobs/${other}/finish`],
    ['PUT', `//evil.example/v3/jobs/${other}/finish`],
    ['PUT', `/v3/jobs/${other}//finish`],
    ['PUT', `/v3/jobs/${other}/finish/`],
    ['PUT', `/v3/jobs/${other}/finish.json`],
    ['PUT', `/v3/jobs/${other}/./finish`],
    ['PUT', `/v3/jobs/${own}/../${other}/finish`],
    ['PUT', `/v3/jobs/${own}/%2e%2e/${other}/finish`],
    ['PUT', `/v3/jobs/${own}%2f..%2f${other}/finish`],
    ['PUT', `/v3/jobs/${other}%2Ffinish`],
    ['PUT', `/v3/jobs/${own}/x%2f..%2f..%2f${other}%2ffinish`],
    ['PUT', `/v3/jobs/${other}/f%69nish`],
    ['PUT', `/v3/jobs/${other}/finish%2e`],
    ['PUT', `/v3/jobs\\${other}\\finish`],
    ['PUT', `/v3/builds/../jobs/${other}/finish`],
    ['PUT', `http://evil.example/v3/jobs/${other}/finish`],
    ['POST', `/v3/jobs/${other}/finish`],
    ['PATCH', `/v3/jobs/${other}/start`],
    ['GET', `/v3/jobs/${other}/`],
    ['GET', `/v3/jobs/${other}.json`],
    ['POST', `/v3/jobs/${other}/chunks/?sequence=1&offset=0&size=1`],
    ['PUT', `/v3/jobs/${own}/finish/`],
    ['POST', `/v3/jobs/${own}/finish`],
    ['PUT', `/v3/jobs/${own}/finish%00`],
    ['PUT', `/v3/JOBS/${own}/finish`],
    ['PUT', `/V3/jobs/${own}/finish`],
    ['PUT', `/v3/jobs/${own.toUpperCase().replace('0189', '018A')}/finish`],
    ['PUT', `/v3/jobs/${own}/x/..#/../finish`],
    ['PUT', `/v3/jobs/${own}/..#`],
    ['PUT', `/v3/jobs/${own}/x%252f..%252f..%252f${other}%252ffinish`],
    ['PUT', `/v3/jobs/${own}/%252e%252e/${other}/finish`],
    ['DELETE', `/v3/jobs/${own}/annotations/..%2f..%2f${other}%2ffinish`],
    ['PUT', `/v3/jobs/${own}/data/set?job_id=${other}`],
    ['PUT', `/v3/jobs/${own}/data/set?build%5Bid%5D=${other}`],
    ['PUT', '*'],
  ]
  for (const [method, path] of paths) {
    const headers = { 'x-http-method-override': 'PUT', host: 'evil.example' }
    const { status } = await call(method, path, { token: 'job', json: {}, headers })
    t.ok([401, 403, 404, 400].includes(status), `${method} ${path}: ${status}`)
  }
  t.ok(audits().length >= 20, 'each with its line, until there are too many of them')
  t.same(
    upstream.got.map(({ method, path }) => `${method} ${path}`),
    [],
  )
  t.same(run.told, [])
})

t.test('a request that is no URL is answered, not logged as a fault of ours', async t => {
  const { port } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  for (const target of ['//', 'http://', '*', '/%', '/v3/jobs/%E0%A4%A']) {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.end(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    t.match(await text(socket), /^HTTP\/1\.1 404 /, target)
  }
})

t.test('a job may not stop, pause or resume the agent that serves it, nor accept', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, job } = await gatewayOf(t, upstream.endpoint)
  for (const path of ['/v3/stop', '/v3/pause', '/v3/resume']) {
    t.match(await call('POST', path, { token: 'job' }), {
      status: 403,
      json: { message: /may not/ },
    })
  }
  t.match(await call('PUT', `${job}/accept`, { token: 'session' }), { status: 403 })
  t.same(upstream.got, [])
})

t.test('a port that is taken is a problem that says which', async t => {
  const { port } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  const second = new Gateway({
    listen: { host: '127.0.0.1', port },
    dispatcher: new Agent(),
    log: silentLog(),
    clock: new HandClock(),
    find: () => undefined,
    identify: async () => undefined,
    findOfPod: async () => undefined,
    fence: openFence(),
    allowOtherBuilds: false,
    state: () => 'leading',
    cold: () => undefined,
  })
  const error = await failure(second.listen())
  t.ok(isProblem(error, 'GATEWAY_LISTEN'))
  t.match(error, { where: `--gateway-listen 127.0.0.1:${port}`, found: /EADDRINUSE/ })
})

t.test('a bug of ours is a passing fault to the pod', async t => {
  const { call, run, job } = await gatewayOf(t, 'http://127.0.0.1:9/v3')
  run.opening = () => Promise.reject(new Error('a bug'))
  const chunk = { token: 'job', body: Buffer.from('x') }
  const { status, headers } = await call('POST', `${job}/chunks?sequence=1&offset=0&size=1`, chunk)
  t.equal(status, 503)
  t.ok(headers['retry-after'])
})

t.test('closing waits for a call that is being answered, and takes no new one', async t => {
  let answer = () => {}
  const upstream = await scripted(
    t,
    () => new Promise(resolve => (answer = () => resolve({ json: { late: true } }))),
  )
  const { gateway, call, job } = await gatewayOf(t, upstream.endpoint)
  const calling = call('POST', `${job}/data/get`, { token: 'job', json: {} })
  while (upstream.got.length === 0) await new Promise(resolve => setImmediate(resolve))
  const closed = gateway.close()
  answer()
  t.match(await calling, { status: 200, json: { late: true } })
  const before = Date.now()
  await closed
  t.ok(Date.now() - before < 1_500, 'and for nothing else')
  t.match(await failure(call('GET', '/healthz')), { code: /ECONNREFUSED|ECONNRESET/ })
})
