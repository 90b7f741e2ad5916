import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { FencedError, Fence } from '../../lib/fence.js'
import { routes, type RouteAction } from '../../lib/gateway/routes.js'
import { nowhere, scripted } from '../upstream/scripted.js'
import { gatewayOf, ownBuild, ownStep, type FakeRun, type Given } from './gateway-of.js'

type Made = Awaited<ReturnType<typeof gatewayOf>>

// Every call that is not refused by its row, as an agent makes it.
const served = routes
  .filter(({ action }) => action !== 'refuse')
  .map(({ method, path, action, credential }) => ({
    action,
    method: method === 'any' ? 'POST' : method,
    path: path
      .replace(':job', '01890000-0000-4000-8000-000000000001')
      .replace(':build', ownBuild)
      .replace(':step', ownStep)
      .replace('*', 'x')
      .replace(/chunks$/, 'chunks?sequence=1&offset=0&size=2'),
    token: credential === 'service account' ? 'pod' : credential,
  }))

// What passes, and what it is that passes.
const faults: Record<string, (made: Made, run: FakeRun) => void> = {
  'a standby': ({ state }) => (state.is = 'standby'),
  starting: ({ state }) => (state.is = 'starting'),
  quiesced: ({ gateway }) => void gateway.quiesce(0),
  'the ledger can not be written': (_, run) => {
    run.opening = () => Promise.reject(new ClusterError({ status: 500, message: 'down' }))
    run.bindPod = () => Promise.reject(new ClusterError({ message: 'no answer' }))
    run.finishFromPod = () => Promise.reject(new FencedError())
  },
  'a bug': (_, run) => {
    const bug = () => {
      throw new Error('a bug')
    }
    Object.assign(run, { opening: bug, bindPod: bug, finishFromPod: bug, upstream: bug })
    Object.assign(run, { podStarted: bug, podConnected: bug, stateSeen: bug })
  },
  'a finish that upstream does not take yet': (_, run) => (run.outcome = { state: 'passing' }),
}

for (const [name, happen] of Object.entries(faults)) {
  t.test(`no passing fault becomes a 4xx: ${name}`, async t => {
    const upstream = await scripted(t, () => ({ json: { state: 'running' } }))
    const made = await gatewayOf(t, upstream.endpoint)
    happen(made, made.run)
    t.same(await misleading(made), [])
  })
}

const closed: Given = { fence: new Fence(() => 0) }
for (const [name, endpoint, given] of [
  ['nobody upstream', nowhere, {}],
  ['a closed fence', nowhere, closed],
  ['an API server that is away', nowhere, { identify: away }],
  ['one that refuses', nowhere, { identify: forbidden }],
] as [string, () => Promise<string>, Given][]) {
  t.test(`no passing fault becomes a 4xx: ${name}`, async t => {
    t.same(await misleading(await gatewayOf(t, await endpoint(), given)), [])
  })
}

for (const [status, headers] of [
  [500, {}],
  [502, { 'content-type': 'text/html' }],
  [503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' }],
  [429, { 'retry-after': '99999' }],
  [301, { location: 'http://elsewhere.example/' }],
  [200, { 'content-type': 'text/html' }],
  [401, { 'content-type': 'text/html; charset=utf-8' }],
  [403, { 'content-type': 'text/html' }],
  [404, { 'content-type': 'TEXT/HTML' }],
] as [number, Record<string, string>][]) {
  t.test(
    `no passing fault becomes a 4xx: upstream answers ${status} ${JSON.stringify(headers)}`,
    async t => {
      const upstream = await scripted(t, () => ({ status, headers, raw: '<html>' }))
      // Subcommands bear upstream's 429 themselves (agent-api §6.2).
      const passed = status === 429 ? 429 : undefined
      t.same(await misleading(await gatewayOf(t, upstream.endpoint), passed), [])
    },
  )
}

t.test(
  'what upstream answers without JSON is not told as a success where JSON is read',
  async t => {
    const upstream = await scripted(t, () => ({ status: 200, raw: '<html>' }))
    const { call, job } = await gatewayOf(t, upstream.endpoint)
    t.match(await call('GET', job, { token: 'job' }), { status: 503 })
  },
)

/** What the agent would take for final, or for a success without what it reads. */
async function misleading(made: Made, passed?: number): Promise<string[]> {
  const found: string[] = []
  for (const { action, method, path, token } of served) {
    const json = method === 'GET' ? undefined : { exit_status: '0' }
    const { status, headers, body } = await made.call(method, `/v3${path}`, { token, json })
    const plain = status === passed && ['forward', 'step'].includes(action)
    const good = plain || status < 300 || status >= 500
    const after = headers['retry-after'] ?? (status === 503 && !plainly(action) ? 'none' : '1')
    const timely = plainly(action) || /^([1-9]|[1-5]\d|60)$/.test(after)
    const readable = plainly(action) || isJson(body)
    if (!good || !timely || !readable) found.push(`${method} ${path}: ${status} ${after}`)
  }
  return found
}

// Upstream's own words, passed on.
function plainly(action: RouteAction): boolean {
  return ['forward', 'step'].includes(action)
}

function isJson(body: Buffer): boolean {
  try {
    return typeof JSON.parse(body.toString()) === 'object'
  } catch {
    return false
  }
}

function away() {
  return Promise.reject(new ClusterError({ message: 'no answer' }))
}

function forbidden() {
  return Promise.reject(new ClusterError({ status: 403, message: 'tokenreviews is forbidden' }))
}
