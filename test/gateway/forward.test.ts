import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { until } from '../cluster-client/loopback.js'
import { nowhere, scripted, type Said } from '../upstream/scripted.js'
import { gatewayOf } from './gateway-of.js'

type Tap = { teardown(end: () => unknown): void }

async function answering(t: Tap, said: Said) {
  const upstream = await scripted(t, () => said)
  return { upstream, ...(await gatewayOf(t, upstream.endpoint)) }
}

/** An upstream whose every request is handed over as it comes in, unread. */
async function raw(
  t: Tap,
  handle: (request: IncomingMessage, response: import('node:http').ServerResponse) => void,
) {
  const server = createServer(handle).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`
}

t.test('a call goes upstream as it came, under the identity of the slot', async t => {
  const { call, job, upstream, run } = await answering(t, { json: { value: 'x' } })
  const sent = {
    token: 'job',
    json: { key: 'a/b' },
    headers: { 'x-own': '1', 'buildkite-shard': 'forged', 'buildkite-timeout-milliseconds': '9' },
  }
  const path = `${job}/data/get?a=1&b=%2F..`
  t.match(await call('POST', path, sent), { status: 200, json: { value: 'x' } })
  t.match(upstream.got, [
    {
      method: 'POST',
      path: `/jobs/${run.jobId}/data/get?a=1&b=%2F..`,
      json: { key: 'a/b' },
      headers: {
        authorization: 'Token real-job-token',
        'buildkite-shard': '7',
        'x-own': '1',
        'buildkite-timeout-milliseconds': '9',
        host: new URL(upstream.url).host,
      },
    },
  ])
})

t.test('what upstream says is passed on: its status, headers and body', async t => {
  const table: Said[] = [
    { status: 404, json: { message: 'no such key' } },
    { status: 202, headers: { location: '/v3/jobs/1/pipelines/2', 'retry-after': '3' } },
    { status: 422, json: { message: 'no' } },
    { status: 429, headers: { 'retry-after': '2' } },
    { status: 500, json: { message: 'down' } },
    { status: 204, raw: '' },
  ]
  for (const said of table) {
    const { call, job } = await answering(t, said)
    const answered = await call('POST', `${job}/data/get`, { token: 'job', json: {} })
    t.equal(answered.status, said.status, 'its status')
    t.match(answered.headers, said.headers ?? {})
    if (said.json) t.same(answered.json, said.json)
  }
})

t.test('a redirect, which an agent would follow with its token, is not passed on', async t => {
  const { call, job } = await answering(t, {
    status: 302,
    headers: { location: 'https://elsewhere.example/x' },
  })
  for (const [method, path] of [
    ['POST', `${job}/data/get`],
    ['GET', job],
  ] as const) {
    const { status, headers } = await call(method, path, { token: 'job', json: {} })
    t.ok(status >= 500, `${method}: ${status}`)
    t.equal(headers.location, undefined)
  }
})

t.test('a compressed body stays compressed, both ways', async t => {
  const packed = gzipSync('hello')
  const { call, job, upstream } = await answering(t, {
    headers: { 'content-encoding': 'gzip' },
    raw: packed,
  })
  const answered = await call('POST', `${job}/artifacts`, {
    token: 'job',
    body: packed,
    headers: { 'content-encoding': 'gzip' },
  })
  t.equal(answered.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(answered.body).toString(), 'hello')
  t.ok(upstream.got[0]?.body.equals(packed))
})

t.test('calls without a body go without one', async t => {
  const { call, job, upstream } = await answering(t, {})
  await call('GET', `${job}/secrets?key=a`, { token: 'job' })
  await call('DELETE', `${job}/annotations/x`, { token: 'job' })
  await call('POST', `${job}/x`, { token: 'job', headers: { 'content-length': '0' } })
  for (const { headers, body } of upstream.got) {
    t.equal(headers['transfer-encoding'], undefined)
    t.equal(body.length, 0)
  }
  t.equal(upstream.got.length, 3)
})

t.test('without an upstream the pod is told to come again', async t => {
  const { call, job } = await gatewayOf(t, await nowhere())
  for (const path of ['/data/get', '/chunks?sequence=1&offset=0&size=1', '/artifacts']) {
    const { status, headers } = await call('POST', job + path, { token: 'job', json: {} })
    t.equal(status, 503, path)
    t.ok(headers['retry-after'], path)
  }
})

const piece = Buffer.alloc(64 * 1024, 'x')
const pieces = 800

t.test('a body of 50 MB streams, as slowly as upstream reads it', async t => {
  let received = 0
  let reading: IncomingMessage | undefined
  const endpoint = await raw(t, (request, response) => {
    request.on('data', (data: Buffer) => {
      received += data.length
      if (!reading) request.pause()
      reading = request
    })
    request.on('end', () => response.end('{}'))
  })
  const { port, job, authorization } = await gatewayOf(t, endpoint)
  const headers = { authorization: authorization('job'), 'content-length': piece.length * pieces }
  const path = `${job}/artifacts/upload`
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'PUT', path, headers })
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>
  let sent = 0
  const more = () => {
    while (sent < pieces) {
      sent += 1
      if (!outgoing.write(piece)) return outgoing.once('drain', more)
    }
    return outgoing.end()
  }
  more()
  await until(() => reading !== undefined)
  t.ok(sent < pieces, 'its first bytes arrive before its last are sent')
  await new Promise(resolve => setTimeout(resolve, 150))
  t.ok(sent < pieces / 2, `${sent} of ${pieces} pieces while upstream does not read`)
  reading?.resume()
  const [response] = await answered
  t.equal(response.statusCode, 200)
  t.equal(received, piece.length * pieces)
  response.resume()
})

t.test('an answer of 50 MB streams, as slowly as the pod reads it', async t => {
  let sent = 0
  const endpoint = await raw(t, (_, response) => {
    response.writeHead(200)
    const more = () => {
      while (sent < pieces) {
        sent += 1
        if (!response.write(piece)) return response.once('drain', more)
      }
      return response.end()
    }
    more()
  })
  const { port, job, authorization } = await gatewayOf(t, endpoint)
  const headers = { authorization: authorization('job') }
  const outgoing = httpRequest({ host: '127.0.0.1', port, path: `${job}/secrets`, headers }).end()
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  await once(response, 'readable')
  await new Promise(resolve => setTimeout(resolve, 100))
  t.ok(sent < pieces, `${sent} of ${pieces} pieces while nobody reads`)
  let received = 0
  for await (const data of response) received += (data as Buffer).length
  t.equal(received, piece.length * pieces)
})

t.test('a pod that goes away in the middle of its body ends the call upstream', async t => {
  const ends: string[] = []
  let came = false
  const endpoint = await raw(t, request => {
    request.on('data', () => (came = true))
    request.on('error', () => undefined)
    request.on('close', () => ends.push(request.complete ? 'complete' : 'cut'))
  })
  const { port, job, authorization, run, call } = await gatewayOf(t, endpoint)
  const headers = { authorization: authorization('job'), 'content-length': 1_000_000 }
  const path = `${job}/chunks?sequence=1&offset=0&size=1000000`
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, headers })
  outgoing.on('error', () => undefined)
  outgoing.write(piece)
  await until(() => came)
  outgoing.destroy()
  await until(() => ends.length === 1)
  t.same(ends, ['cut'], 'upstream never takes a half chunk for a whole one')
  await until(() => run.told.length === 2)
  t.match(run.told, [['began'], ['refused']], 'nor do we')
  t.match(await call('GET', '/healthz'), { status: 200 })
})

t.test('a chunk whose pod dies before the answer still counts when upstream takes it', async t => {
  let answer = () => {}
  const endpoint = await raw(t, (request, response) => {
    request.resume().on('end', () => (answer = () => response.writeHead(201).end('{}')))
  })
  const { port, job, authorization, run } = await gatewayOf(t, endpoint)
  const headers = { authorization: authorization('job'), 'content-length': 4 }
  const path = `${job}/chunks?sequence=1&offset=0&size=4`
  const waiting = answer
  const outgoing = httpRequest({ host: '127.0.0.1', port, method: 'POST', path, headers })
  outgoing.on('error', () => undefined)
  outgoing.end('text')
  await until(() => answer !== waiting)
  outgoing.destroy()
  await new Promise(resolve => setTimeout(resolve, 20))
  answer()
  await until(() => run.told.length === 2)
  t.match(run.told, [['began'], ['taken', { sequence: 3, offset: 80, size: 4 }]])
})

t.test(
  'a refusal before the body has been read reaches the pod, and the next call goes on',
  async t => {
    const endpoint = await raw(t, (request, response) => {
      response.writeHead(413, { 'content-type': 'application/json' }).end('{"message":"too large"}')
      request.resume()
    })
    const { call, job } = await gatewayOf(t, endpoint)
    const body = Buffer.alloc(5_000_000)
    t.match(await call('PUT', `${job}/artifacts/x`, { token: 'job', body }), { status: 413 })
    t.match(await call('PUT', `${job}/artifacts/x`, { token: 'job', body }), { status: 413 })
  },
)

t.test('a refusal of ours leaves no body in the way of the next call', async t => {
  const { call, job } = await answering(t, {})
  const body = Buffer.alloc(5_000_000)
  t.match(await call('PUT', `${job}/artifacts/x`, { token: 'session', body }), { status: 401 })
  t.match(await call('GET', '/healthz'), { status: 200 })
})

t.test(
  'a body that is still coming when the run ends is cut off; a chunk goes through',
  async t => {
    const ends: string[] = []
    let came = 0
    const endpoint = await raw(t, (request, response) => {
      request.on('data', () => (came += 1))
      request.on('error', () => undefined)
      request.on('end', () => response.writeHead(201).end('{}'))
      request.on('close', () => ends.push(request.complete ? 'complete' : 'cut'))
    })
    const { port, job, authorization, run, audits } = await gatewayOf(t, endpoint)
    const headers = { authorization: authorization('job'), 'content-length': 2 * piece.length }
    const calling = (path: string) =>
      httpRequest({ host: '127.0.0.1', port, method: 'POST', path: `${job}/${path}`, headers })
    const [upload, chunk] = [
      calling('artifacts'),
      calling('chunks?sequence=1&offset=0&size=131072'),
    ]
    const answers = [upload, chunk].map(
      async one => ((await once(one, 'response')) as [IncomingMessage])[0].resume().statusCode,
    )
    upload.write(piece)
    chunk.write(piece)
    await until(() => came >= 2 && run.told.length === 1)
    run.over = true
    upload.end(piece)
    chunk.end(piece)
    t.same(await Promise.all(answers), [401, 201])
    await until(() => ends.length === 2)
    t.same(ends.toSorted(), ['complete', 'cut'])
    t.match(run.told, [['began'], ['taken']])
    t.match(audits(), [{ why: 'this job is over', route: 'forward' }])
  },
)

t.test(
  'a kept connection that upstream closes under a call: the call is sent again where that is safe',
  async t => {
    const seen = new Map<Socket, number>()
    const calls: string[] = []
    const endpoint = await raw(t, (request, response) => {
      const before = seen.get(request.socket) ?? 0
      seen.set(request.socket, before + 1)
      calls.push(`${request.method} ${before === 0 ? 'answered' : 'reset'}`)
      if (before > 0) return void request.socket.resetAndDestroy()
      request
        .resume()
        .on('end', () => response.writeHead(200, { 'keep-alive': 'timeout=60' }).end('{}'))
    })
    const { call, job, run, clock } = await gatewayOf(t, endpoint, { limits: { holdMs: 45_000 } })
    const secret = () => call('GET', `${job}/secrets?key=a`, { token: 'job' })
    t.match(await secret(), { status: 200 })
    t.match(await secret(), { status: 200 })
    t.same(calls, ['GET answered', 'GET reset', 'GET answered'])
    const body = Buffer.from('x')
    const chunk = await call('POST', `${job}/chunks?sequence=1&offset=0&size=1`, {
      token: 'job',
      body,
    })
    t.match(chunk, { status: 503 }, 'upstream may have it')
    t.match(run.told, [['began'], ['unknown']])
    clock.advance(1_000)
    t.match(await call('POST', `${job}/data/set`, { token: 'job', json: {} }), { status: 200 })
  },
)
