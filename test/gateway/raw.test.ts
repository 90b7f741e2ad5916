import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { until } from '../cluster-client/loopback.js'
import { scripted } from '../upstream/scripted.js'
import { gatewayOf, type Given } from './gateway-of.js'

type Tap = { teardown(end: () => unknown): void }

const other = '01890000-0000-4000-8000-000000000002'

async function raw(t: Tap, given: Given = {}) {
  const upstream = await scripted(t, () => ({ json: {} }))
  const made = await gatewayOf(t, upstream.endpoint, given)
  const open = async (): Promise<Socket> => {
    const socket = connect(made.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    t.teardown(() => socket.destroy())
    return socket
  }
  const say = async (lines: string[], body = '') => {
    const socket = await open()
    socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
    return text(socket)
  }
  return { ...made, upstream, open, say }
}

/** Resolves when the connection is closed, by a reset too. */
function closed(socket: Socket): Promise<unknown> {
  return new Promise(resolve => socket.once('close', resolve))
}

t.test('two lengths, or a length and chunks: no request, and nothing goes upstream', async t => {
  const { say, upstream, job, audits, authorization } = await raw(t)
  const hidden = `PUT /v3/jobs/${other}/finish HTTP/1.1\r\nHost: x\r\n\r\n`
  const first = [
    `POST ${job}/data/set HTTP/1.1`,
    'Host: x',
    `Authorization: ${authorization('job')}`,
  ]
  for (const headers of [
    ['Content-Length: 5', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Content-Length: 5', 'Content-Length: 6'],
    ['Content-Length: 5, 6'],
    ['Content-Length: +5'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding:\tchunked', 'Transfer-Encoding: identity'],
    ['Content-Length: 5\n', 'X: y'],
  ]) {
    const before = audits().length
    const answer = await say([...first, ...headers], `0\r\n\r\n${hidden}`)
    t.match(answer, /^HTTP\/1\.1 400 /, headers.join(' | '))
    t.notMatch(answer, /HTTP\/1\.1 [^4]/, 'and no second answer')
    t.equal(audits().length, before + 1)
    t.match(audits().at(-1), { from: '127.0.0.1', why: /no HTTP request/ })
  }
  t.same(upstream.got, [])
})

t.test('a connection can not be upgraded, and the gateway is no proxy', async t => {
  const { say, upstream, job, audits, authorization } = await raw(t)
  const token = `Authorization: ${authorization('job')}`
  const upgrade = ['Host: x', token, 'Connection: upgrade, close', 'Upgrade: websocket']
  t.match(await say([`GET ${job} HTTP/1.1`, ...upgrade]), /^HTTP\/1\.1 403 /)
  t.match(await say([`POST ${job}/data/set HTTP/1.1`, ...upgrade]), /^HTTP\/1\.1 403 /)
  t.match(await say(['CONNECT upstream.example:443 HTTP/1.1', 'Host: x']), /^HTTP\/1\.1 405 /)
  const absolute = [`GET http://user:secret@upstream.example/v3${job.slice(3)} HTTP/1.1`, 'Host: x']
  t.match(await say([...absolute, token, 'Connection: close']), /^HTTP\/1\.1 404 /)
  t.equal(audits().length, 4)
  t.notMatch(JSON.stringify(audits()), /secret/)
  t.same(upstream.got, [])
})

t.test('the Host header leads nowhere', async t => {
  const { say, upstream, job, authorization } = await raw(t)
  const lines = ['Host: evil.example', 'X-Forwarded-Host: evil.example', 'Connection: close']
  const token = `Authorization: ${authorization('job')}`
  t.match(await say([`GET ${job}/secrets?key=a HTTP/1.1`, token, ...lines]), /^HTTP\/1\.1 200 /)
  t.match(upstream.got, [{ headers: { host: new URL(upstream.url).host } }])
  t.equal(upstream.got[0]?.headers['x-forwarded-host'], undefined)
})

t.test('a body that a GET brings stays here', async t => {
  const { say, upstream, job, authorization } = await raw(t)
  const hidden = `PUT /v3/jobs/${other}/finish HTTP/1.1\r\nHost: x\r\n\r\n`
  const lines = [`Content-Length: ${hidden.length}`, 'Host: x', 'Connection: close']
  const token = `Authorization: ${authorization('job')}`
  await say([`GET ${job}/secrets?key=a HTTP/1.1`, token, ...lines], hidden)
  t.equal(upstream.got.length, 1)
  t.equal(upstream.got[0]?.body.length, 0)
})

t.test('headers are bounded', async t => {
  const { say, job, audits } = await raw(t)
  const answer = await say([`GET ${job} HTTP/1.1`, 'Host: x', `X-Long: ${'x'.repeat(40_000)}`])
  t.match(answer, /^HTTP\/1\.1 431 /)
  t.equal(audits().length, 1)
})

t.test(
  'a body that stops coming ends its call, and the call upstream; nothing is said of it',
  async t => {
    const { open, job, authorization, upstream, run } = await raw(t, { limits: { idleMs: 200 } })
    const socket = await open()
    let said = ''
    socket.on('data', data => (said += data.toString()))
    const head = [`POST ${job}/chunks?sequence=1&offset=0&size=9 HTTP/1.1`, 'Host: x']
    head.push(`Authorization: ${authorization('job')}`, 'Content-Length: 9')
    socket.write(`${head.join('\r\n')}\r\n\r\nhalf`)
    await closed(socket)
    t.equal(said, '')
    await until(() => run.told.length === 2)
    t.match(run.told, [['began'], ['refused']])
    t.same(upstream.got, [])
  },
)

t.test('headers that do not end are given up without a word', async t => {
  // A 408 that crosses the next call of a kept connection would be taken for the answer to it.
  const { open, gateway } = await raw(t, { limits: { idleMs: 200 } })
  t.ok(gateway)
  const socket = await open()
  let said = ''
  socket.on('data', data => (said += data.toString()))
  socket.write('POST /v3/heartbeat HTTP/1.1\r\nHost: x\r\nX-Slow: ')
  await closed(socket)
  t.equal(said, '')
})

t.test('a refused call whose body never ends is cut off', async t => {
  const { open, job } = await raw(t, { limits: { drainMs: 100 } })
  const socket = await open()
  const ended = closed(socket)
  socket.resume()
  socket.write(`PUT ${job}/artifacts HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`)
  const more = setInterval(() => socket.write(Buffer.alloc(1_000)), 5)
  t.teardown(() => clearInterval(more))
  await ended
})
