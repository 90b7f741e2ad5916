import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import t from 'tap'
import { systemClock } from '../../lib/clock.js'
import { isClusterError } from '../../lib/cluster/cluster-error.js'
import { Transport } from '../../lib/cluster/transport.js'
import { silentLog } from '../../lib/log.js'
import { clusterAt, kubeConfigOf, loopback, refuse, reply } from './loopback.js'

function transportAt(t: Tap, kubeConfig: KubeConfig, given: object = {}): Transport {
  const made = new Transport({ kubeConfig, log: silentLog(), clock: systemClock, ...given })
  t.teardown(() => made.close())
  return made
}

type Tap = { teardown(end: () => unknown): void }

t.test('requests one after another share one connection', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, { gitVersion: 'v1' }))
  const cluster = clusterAt(t, server.url)
  for (let i = 0; i < 50; i++) await cluster.ping()
  t.equal(server.asked.length, 50)
  t.ok(server.connections() <= 2, `${server.connections()} connections`)
})

t.test('a burst of requests opens no more than a pool of connections', async t => {
  const server = await loopback(t, (_, response) => reply(response, 200, { gitVersion: 'v1' }))
  const cluster = clusterAt(t, server.url)
  await Promise.all(Array.from({ length: 200 }, () => cluster.ping()))
  t.ok(server.connections() <= 16, `${server.connections()} connections`)
})

t.test(
  'a base path of the server and bearer, basic and impersonation headers are sent',
  async t => {
    const server = await loopback(t, (_, response) => reply(response, 200, {}))
    const users = [
      [{ token: 'tok\n' }, 'Bearer tok'],
      [{ username: 'u', password: 'p' }, 'Basic dTpw'],
    ] as const
    for (const [user, wanted] of users) {
      const transport = transportAt(t, kubeConfigOf(`${server.url}/k8s/c1/`, user))
      await transport.json({ method: 'GET', path: '/version', query: { a: 1, b: undefined } })
      t.match(server.asked.at(-1), { path: '/k8s/c1/version', query: { a: '1' } })
      t.equal(server.asked.at(-1)?.headers.authorization, wanted)
    }
    const posing = transportAt(t, kubeConfigOf(server.url, { impersonateUser: 'other' }))
    await posing.json({ method: 'GET', path: '/version' })
    t.equal(server.asked.at(-1)?.headers['impersonate-user'], 'other')
  },
)

t.test('a rotated token is read again after a 401, and the request is made once more', async t => {
  const folder = t.testdir({ token: 'old' })
  const tokenFile = join(folder, 'token')
  let good = 'Bearer old'
  const server = await loopback(t, (asked, response) => {
    if (asked.headers.authorization === good) reply(response, 200, { ok: true })
    else refuse(response, 401, { reason: 'Unauthorized', message: 'Unauthorized' })
  })
  const user = { authProvider: { name: 'tokenFile', config: { tokenFile } } }
  const transport = transportAt(t, kubeConfigOf(server.url, user))
  await transport.json({ method: 'GET', path: '/a' })
  writeFileSync(tokenFile, 'new\n')
  good = 'Bearer new'
  const answers = [1, 2, 3].map(() => transport.json({ method: 'POST', path: '/b', body: {} }))
  t.same(await Promise.all(answers), [{ ok: true }, { ok: true }, { ok: true }])
  good = 'nobody'
  await t.rejects(transport.json({ method: 'GET', path: '/c' }), {
    name: 'ClusterError',
    status: 401,
    disposition: 'retry',
  })
  t.equal(server.asked.filter(({ path }) => path === '/c').length, 2, 'twice, not for ever')
})

t.test('a GET on a connection that the server closes is made once more, a POST is not', async t => {
  let cuts = 0
  const server = await loopback(t, ({ path }, response) => {
    if (path === '/always' || cuts++ === 0) response.destroy()
    else reply(response, 200, { ok: true })
  })
  const transport = transportAt(t, kubeConfigOf(server.url))
  t.same(await transport.json({ method: 'GET', path: '/get' }), { ok: true })
  cuts = 0
  const review = '/apis/authentication.k8s.io/v1/tokenreviews'
  const question = { method: 'POST', path: review, body: {} } as const
  t.same(await transport.json(question), { ok: true }, 'a question, although by POST')
  cuts = 0
  await t.rejects(transport.json({ method: 'POST', path: '/post', body: {} }), {
    name: 'ClusterError',
    disposition: 'retry',
    status: undefined,
  })
  await t.rejects(transport.json({ method: 'GET', path: '/always' }), {
    name: 'ClusterError',
    disposition: 'retry',
  })
  t.equal(server.asked.filter(({ path }) => path === '/always').length, 2)
})

t.test('silence before the headers or within the body is a passing fault', async t => {
  const server = await loopback(t, ({ path }, response) => {
    if (path === '/body') response.writeHead(200).write('{')
  })
  const config = kubeConfigOf(server.url)
  const quick = transportAt(t, config, { headersTimeout: 50 })
  await t.rejects(quick.json({ method: 'GET', path: '/headers' }), {
    name: 'ClusterError',
    disposition: 'retry',
  })
  const short = transportAt(t, config, { requestTimeout: 50 })
  await t.rejects(short.json({ method: 'GET', path: '/body' }), {
    name: 'ClusterError',
    disposition: 'retry',
  })
})

t.test('who aborts a request gets the own reason back', async t => {
  const server = await loopback(t, () => undefined)
  const transport = transportAt(t, kubeConfigOf(server.url))
  const abort = new AbortController()
  const request = transport.json({ method: 'GET', path: '/a', signal: abort.signal })
  const mine = new Error('enough')
  abort.abort(mine)
  await t.rejects(request, mine)
  await t.rejects(transport.json({ method: 'GET', path: '/a', signal: abort.signal }), mine)
})

t.test('an answer that is not JSON is a passing fault that is not quoted', async t => {
  const server = await loopback(t, (_, response) => response.end('s3cret'))
  const transport = transportAt(t, kubeConfigOf(server.url))
  const error = await transport
    .json({ method: 'GET', path: '/' })
    .catch((thrown: unknown) => thrown)
  t.ok(isClusterError(error, 'retry'))
  t.notMatch(String(error), /s3cret/)
})

t.test('credentials that cannot be had are a passing fault', async t => {
  const user = { authProvider: { name: 'tokenFile', config: { tokenFile: '/nowhere/token' } } }
  const transport = transportAt(t, kubeConfigOf('http://127.0.0.1:9', user))
  await t.rejects(transport.json({ method: 'GET', path: '/' }), {
    name: 'ClusterError',
    reason: 'Credentials',
  })
})

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

t.test('a client certificate that changes on disk is used at once', { skip }, async t => {
  const folder = t.testdir({})
  const file = (name: string) => join(folder, name)
  const certificate = (name: string) => {
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    const out = ['-keyout', file(`${name}.key`), '-out', file(`${name}.crt`)]
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...out], { stdio: 'ignore' })
    return { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.crt`)) }
  }
  const [own, first, second] = [certificate('server'), certificate('first'), certificate('second')]
  const tls = { ...own, ca: [first.cert, second.cert], requestCert: true, rejectUnauthorized: true }
  const server = createServer(tls, (request, response) => {
    const socket = request.socket as import('node:tls').TLSSocket
    reply(response, 200, { seen: socket.getPeerCertificate().subject.CN })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  t.teardown(() => server.closeAllConnections())
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    {
      name: 'tls',
      server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      caFile: file('server.crt'),
      skipTLSVerify: false,
    },
    { name: 'me', certFile: file('first.crt'), keyFile: file('first.key') },
  )
  let now = 0
  const clock = { ...systemClock, steady: () => now }
  const transport = transportAt(t, config, { clock })
  const get = () => transport.json({ method: 'GET', path: '/' })
  t.same(await get(), { seen: 'first' })
  writeFileSync(file('first.crt'), second.cert)
  writeFileSync(file('first.key'), second.key)
  now += 10_000
  t.same(await get(), { seen: 'second' })
})

t.test('a watch is read line by line, and ends when its signal aborts', async t => {
  const server = await loopback(t, (_, response) => response.write('{"a":1}\n{"a":2}\n{"a'))
  const transport = transportAt(t, kubeConfigOf(server.url))
  const abort = new AbortController()
  const lines = await transport.streamLines('/w', { watch: 1 }, abort.signal)
  const seen: unknown[] = []
  const mine = new Error('enough')
  const reading = (async () => {
    for await (const line of lines) {
      seen.push(line)
      if (seen.length === 2) abort.abort(mine)
    }
  })()
  await t.rejects(reading, mine)
  t.same(seen, [{ a: 1 }, { a: 2 }])
})

t.test('a watch that is refused says so before its first line', async t => {
  const server = await loopback(t, (_, response) =>
    refuse(response, 403, { reason: 'Forbidden', message: 'no watching' }),
  )
  const transport = transportAt(t, kubeConfigOf(server.url))
  const opened = transport.streamLines('/w', {}, new AbortController().signal)
  await t.rejects(opened, { status: 403, message: 'no watching', disposition: 'final' })
})
