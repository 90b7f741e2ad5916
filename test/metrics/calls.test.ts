import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { Agent, request } from 'undici'
import { Fence } from '../../lib/fence.js'
import { kubernetesCall } from '../../lib/metrics/kubernetes.js'
import { upstreamCall } from '../../lib/metrics/upstream.js'
import {
  statusClass,
  watchCalls,
  type WireCall,
  type WireEnd,
} from '../../lib/metrics/watched-calls.js'
import { nowhere } from '../upstream/scripted.js'

t.test('each call of the Agent API is counted as what it is', async t => {
  const job = '/v3/jobs/01890000-0000-4000-8000-000000000001'
  const table: [string, string, string][] = [
    ['POST', '/v3/register', 'register'],
    ['POST', '/v3/connect', 'connect'],
    ['POST', '/v3/disconnect', 'disconnect'],
    ['POST', '/v3/heartbeat', 'heartbeat'],
    ['GET', '/v3/ping', 'ping'],
    ['PUT', `${job}/accept`, 'accept'],
    ['PUT', `${job}/start`, 'start'],
    ['POST', `${job}/chunks`, 'chunks'],
    ['GET', job, 'state'],
    ['PUT', `${job}/finish`, 'finish'],
    ['POST', `${job}/annotations`, 'annotations'],
    ['POST', `${job}/artifacts`, 'artifacts'],
    ['GET', '/v3/builds/1/artifacts/search', 'artifacts'],
    ['POST', `${job}/data/set`, 'data'],
    ['POST', `${job}/pipelines`, 'pipelines'],
    ['POST', `${job}/oidc/tokens`, 'other'],
    ['DELETE', `${job}/annotations/ping`, 'annotations'],
    ['GET', '/v3/steps/ping', 'other'],
    ['GET', '/v3/builds/ping', 'other'],
    ['GET', '/', 'other'],
  ]
  for (const [method, path, wanted] of table) t.equal(upstreamCall(method, path), wanted, path)
})

t.test("each call of the Kubernetes API is counted in RBAC's words", async t => {
  const jobs = '/apis/batch/v1/namespaces/secrets/jobs'
  const table: [string, string, string, string][] = [
    ['GET', '/api/v1/namespaces/ci/pods', 'watch=1&resourceVersion=3', 'watch pods'],
    ['GET', '/api/v1/namespaces/ci/pods', 'labelSelector=watch%3D1', 'list pods'],
    ['GET', '/api/v1/namespaces/ci/pods/a', '', 'get pods'],
    ['GET', '/api/v1/namespaces/ci/pods/a/log', 'container=b', 'get pods/log'],
    ['DELETE', '/api/v1/namespaces/ci/pods/a', '', 'delete pods'],
    ['POST', jobs, 'dryRun=All', 'create jobs'],
    ['PATCH', `${jobs}/events`, '', 'patch jobs'],
    ['PUT', '/api/v1/namespaces/ci/secrets/a', '', 'update secrets'],
    ['GET', '/k8s/c1/api/v1/namespaces/ci', '', 'get namespaces'],
    ['POST', '/api/v1/namespaces', '', 'create namespaces'],
    ['GET', '/api/v1/nodes', '', 'list nodes'],
    ['GET', '/api/v1/nodes/n1', '', 'get nodes'],
    ['GET', '/apis/coordination.k8s.io/v1/namespaces/ci/leases/main', '', 'get leases'],
    ['POST', '/apis/authentication.k8s.io/v1/tokenreviews', '', 'create tokenreviews'],
    ['GET', '/version', '', 'get version'],
    ['GET', '/api/v1/namespaces/ci/pods/a/exec', '', 'get other'],
    ['GET', '/apis/example.com/v1/widgets', '', 'list other'],
    ['GET', '/', '', 'list other'],
  ]
  for (const [method, path, query, wanted] of table) {
    const { verb, resource } = kubernetesCall({ method, path, query })
    t.equal(`${verb} ${resource}`, wanted, path)
  }
})

t.test('a status is its class, and no status is none', async t => {
  t.same([200, 204, 302, 404, 503, 101, undefined].map(statusClass), [
    '2xx',
    '2xx',
    '3xx',
    '4xx',
    '5xx',
    'none',
    'none',
  ])
})

interface Teardown {
  teardown(end: () => unknown): void
}

/** A server that answers with the status in the path, and breaks off or goes on for ever when asked to. */
async function server(t: Teardown): Promise<string> {
  const made = createServer((incoming, response) => {
    const [, status = '200', manner] = (incoming.url ?? '').split('?')[0]?.split('/') ?? []
    response.writeHead(Number(status), { 'content-length': 10 })
    response.write('12345')
    if (manner === 'breaks') setImmediate(() => response.destroy())
    else if (manner !== 'streams') response.end('67890')
  })
  made.listen(0, '127.0.0.1')
  await once(made, 'listening')
  t.teardown(() => {
    made.closeAllConnections()
    made.close()
  })
  return `http://127.0.0.1:${(made.address() as AddressInfo).port}`
}

function watched(t: Teardown, fence = new Fence(() => 0), isStream?: (call: WireCall) => boolean) {
  const told: [string, WireEnd][] = []
  let now = 0
  const agent = new Agent()
  t.teardown(() => agent.destroy())
  const watch = watchCalls({
    now: () => (now += 250),
    ended: ({ method, path, query }, end) => told.push([`${method} ${path} ${query}`.trim(), end]),
    isStream,
  })
  return { told, dispatcher: agent.compose(watch).compose(fence.interceptor(() => true)) }
}

function openFence(): Fence {
  const fence = new Fence(() => 0)
  fence.extend(Infinity)
  return fence
}

t.test('a call is told of once, when its answer has ended', async t => {
  const url = await server(t)
  const { told, dispatcher } = watched(t, openFence())
  for (const path of ['/200?a=b', '/503', '/404']) {
    const { body } = await request(url + path, { dispatcher })
    t.equal(await body.text(), '1234567890', 'the answer comes through as it is')
  }
  t.same(told, [
    ['GET /200 a=b', { status: '2xx', seconds: 0.25 }],
    ['GET /503', { status: '5xx', seconds: 0.25 }],
    ['GET /404', { status: '4xx', seconds: 0.25 }],
  ])
})

t.test('an answer that breaks off, and none at all, is none', async t => {
  const url = await server(t)
  const { told, dispatcher } = watched(t, openFence())
  const { body } = await request(`${url}/200/breaks`, { dispatcher })
  await t.rejects(body.text())
  await t.rejects(request(await nowhere(), { dispatcher }))
  t.same(
    told.map(([, { status }]) => status),
    ['none', 'none'],
  )
})

t.test('what the fence keeps from the wire is no call', async t => {
  const url = await server(t)
  const { told, dispatcher } = watched(t)
  await t.rejects(request(url, { dispatcher }), { name: 'FencedError' })
  t.same(told, [])
})

t.test('a stream is told of when it begins', async t => {
  const url = await server(t)
  const { told, dispatcher } = watched(t, openFence(), ({ path }) => path.endsWith('streams'))
  const { body } = await request(`${url}/200/streams`, { dispatcher })
  t.same(told, [['GET /200/streams', { status: '2xx', seconds: 0.25 }]])
  body.on('error', () => undefined)
  body.destroy()
  await new Promise(resolve => body.once('close', resolve))
  t.equal(told.length, 1)
})
