import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { silentLog } from '../../lib/log.js'
import { StatusServer, type StatusServerOptions } from '../../lib/status/server.js'
import { metricsOf } from '../metrics/samples.js'
import { runOf, snapshotOf } from './snapshot-of.js'

interface Teardown {
  teardown(end: () => unknown): void
}

async function serverOf(t: Teardown, given: Partial<StatusServerOptions> = {}) {
  const server = new StatusServer({
    listen: { host: '127.0.0.1', port: 0 },
    source: { snapshot: () => snapshotOf({ runs: [runOf(1), runOf(2)] }) },
    metrics: metricsOf().metrics,
    unready: () => undefined,
    log: silentLog(),
    ...given,
  })
  const port = await server.listen()
  t.teardown(() => server.close())
  return { server, port, get: (path: string, more?: More) => call(port, path, more) }
}

interface More {
  method?: string
  headers?: Record<string, string>
  agent?: Agent
}

interface Answered {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

function call(port: number, path: string, more: More = {}): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false, ...more }, incoming => {
      const { statusCode: status = 0, headers } = incoming
      text(incoming).then(body => resolve({ status, headers, body }), reject)
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

t.test('/metrics is what Prometheus reads', async t => {
  const { get } = await serverOf(t)
  const { status, headers, body } = await get('/metrics')
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.match(body, /^# TYPE job_spawner_build_info gauge$/m)
})

t.test('/healthz says that the process answers, /readyz whether it leads', async t => {
  const state = { why: 'standby' as string | undefined }
  const { get } = await serverOf(t, { unready: () => state.why })
  t.match(await get('/healthz'), { status: 200, body: '{"status":"ok"}\n' })
  t.match(await get('/readyz'), { status: 503, body: '{"status":"standby"}\n' })
  state.why = undefined
  t.match(await get('/readyz'), { status: 200, body: '{"status":"ok"}\n' })
})

t.test('/status is a page for people, and JSON for those who ask for it', async t => {
  const { get } = await serverOf(t)
  const page = await get('/status')
  t.match(page, { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
  t.match(page.body, '<!doctype html>')
  const [asked, accepted] = await Promise.all([
    get('/status?format=json'),
    get('/status', { headers: { accept: 'application/json' } }),
  ])
  for (const { headers, body } of [asked, accepted]) {
    t.equal(headers['content-type'], 'application/json; charset=utf-8')
    t.match(JSON.parse(body), {
      at: '2026-11-21T21:05:33.400Z',
      state: 'leading',
      runs: [{ phase: 'running' }, {}],
    })
  }
  t.match(await get('/'), { status: 302, headers: { location: '/status' } })
})

t.test('it is kept nowhere, and tells the pages that it links to nothing', async t => {
  const { headers } = await (await serverOf(t)).get('/status')
  t.match(headers, {
    'cache-control': 'no-store',
    'content-security-policy': /^default-src 'none'/,
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  })
})

t.test('HEAD is answered as GET without a body, other methods and paths are refused', async t => {
  const { get } = await serverOf(t)
  for (const path of ['/metrics', '/healthz', '/readyz', '/status']) {
    const head = await get(path, { method: 'HEAD' })
    t.match(head, { status: 200, body: '' }, path)
    t.ok(Number(head.headers['content-length']) > 0, path)
    t.match(await get(path, { method: 'POST' }), { status: 405, headers: { allow: 'GET, HEAD' } })
  }
  for (const path of ['/v3/ping', '/metrics/', '/statusx', '/../status', '//status'])
    t.equal((await get(path)).status, 404, path)
})

t.test('a part that fails costs one answer, not the process', async t => {
  const snapshot = () => {
    throw new Error('a bug of ours')
  }
  const { get } = await serverOf(t, { source: { snapshot } })
  const { status, body } = await get('/status')
  t.equal(status, 500)
  t.notMatch(body, 'a bug of ours')
  t.equal((await get('/healthz')).status, 200)
})

t.test('a port that is taken is said in words', async t => {
  const { port } = await serverOf(t)
  const listen = { host: '127.0.0.1', port }
  const error = await serverOf(t, { listen }).catch((problem: unknown) => problem)
  t.ok(isProblem(error, 'METRICS_LISTEN'))
  t.match(error, { where: `--metrics-listen 127.0.0.1:${port}`, found: /EADDRINUSE/ })
})

t.test('closing does not wait for those who keep their connections', async t => {
  const { server, port } = await serverOf(t)
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  await call(port, '/healthz', { agent })
  await server.close()
  await t.rejects(call(port, '/healthz'), { code: 'ECONNREFUSED' })
})
