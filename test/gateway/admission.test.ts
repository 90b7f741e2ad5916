import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { PodAddresses, ProvenPod } from '../../lib/gateway/gateway-run.js'
import { until } from '../cluster-client/loopback.js'
import { scripted } from '../upstream/scripted.js'
import { FakeRun, gatewayOf, header, podToken, podUid, type Given } from './gateway-of.js'

type Tap = { teardown(end: () => unknown): void }

const nobody = 'http://127.0.0.1:9/v3'
const away = () => Promise.reject(new ClusterError({ status: 503, message: 'no API server' }))
const register = ['POST', '/v3/register'] as const

async function admitting(t: Tap, given: Given = {}) {
  return gatewayOf(t, nobody, given)
}

t.test(
  'a pod that is whom its token says gets a session token, and the run learns of it',
  async t => {
    const { call, run, audits, authorization } = await admitting(t)
    const { status, json } = await call(...register, { token: 'pod', json: { hostname: 'h' } })
    t.equal(status, 200)
    t.equal(json['access_token'], authorization('session').slice('Token '.length))
    t.same(run.told, [
      ['bind', podUid],
      ['connected', 'h'],
    ])
    t.same(audits(), [])
  },
)

t.test('the second pod is refused for good, with an audit line', async t => {
  const { call, run, audits } = await admitting(t)
  run.bind = async () => 'taken'
  t.match(await call(...register, { token: 'pod', json: {} }), {
    status: 403,
    json: { message: /another pod/ },
  })
  t.match(audits(), [{ why: 'another pod has this job', pod: podUid, job: run.jobId }])
  t.equal(audits().length, 1)
})

t.test('a pod of a job that is over, of no job, or of nobody is refused for good', async t => {
  const table: [Given, string, RegExp][] = [
    [{}, 'Token nobodys', /does not know/],
    [{ findOfPod: async () => undefined }, 'pod', /no job here/],
  ]
  for (const [given, token, message] of table) {
    const { call, audits } = await admitting(t, given)
    if (token !== 'pod') await call(...register, { token, json: {} })
    t.match(await call(...register, { token, json: {} }), { status: 401, json: { message } })
    t.equal(audits().length, 1)
  }
  const { call, run, audits } = await admitting(t)
  run.bind = async () => 'over'
  t.match(await call(...register, { token: 'pod', json: {} }), { status: 401 })
  t.match(audits(), [{ why: 'this job is over' }])
})

t.test('an agent that is too old to read its token from a file is told so', async t => {
  const asked: string[] = []
  const identify = async (token: string) => {
    asked.push(token)
    return undefined
  }
  const { call, audits } = await admitting(t, { identify })
  const token = 'Token file:///var/run/job-spawner/token'
  t.match(await call(...register, { token, json: {} }), {
    status: 401,
    json: { message: /3\.134\.0/ },
  })
  t.match(audits(), [{ why: /older than 3\.134\.0/ }])
  t.same(asked, [], 'nobody is asked about it')
})

t.test("what can't be a token of Kubernetes' costs no review", async t => {
  const asked: string[] = []
  const identify = async (token: string) => {
    asked.push(token)
    return undefined
  }
  const { call, authorization } = await admitting(t, { identify })
  const huge = `Token ${'x'.repeat(17_000)}`
  for (const token of [undefined, '', 'Token ', 'Bearer x', huge, authorization('job')]) {
    t.match(
      await call(...register, { token, json: {} }),
      { status: 401 },
      token?.slice(0, 12) ?? 'none',
    )
  }
  t.same(asked, [])
})

t.test('a token that was refused is not reviewed again at once; a good one always is', async t => {
  const asked: string[] = []
  const identify = async (token: string) => {
    asked.push(token)
    return token === podToken ? { name: 'pod-1', uid: podUid } : undefined
  }
  const { call, clock } = await admitting(t, { identify })
  for (let i = 0; i < 4; i++) await call(...register, { token: 'Token nobodys', json: {} })
  t.same(asked, ['nobodys', 'nobodys'])
  clock.advance(10_000)
  await call(...register, { token: 'Token nobodys', json: {} })
  t.same(asked, ['nobodys', 'nobodys', 'nobodys'])
  for (let i = 0; i < 3; i++) await call(...register, { token: 'pod', json: {} })
  t.equal(asked.length, 6, 'its pod may have gone in between')
})

t.test('a token that the API server does not know is refused when it says so twice', async t => {
  let known = false
  const identify = async () => (known ? { name: 'pod-1', uid: podUid } : undefined)
  for (const passes of [true, false]) {
    known = false
    const { call, audits } = await admitting(t, { identify })
    const first = await call(...register, { token: 'pod', json: {} })
    t.match(first, { status: 503, headers: { 'retry-after': /^\d+$/ } })
    t.same(audits(), [])
    known = passes
    t.match(await call(...register, { token: 'pod', json: {} }), { status: passes ? 200 : 401 })
    t.equal(audits().length, passes ? 0 : 1)
  }
})

t.test('where a record can not be read, a pod without a run is not sent away', async t => {
  const given = { findOfPod: async () => undefined, allKnown: () => false }
  const { call, audits, run } = await admitting(t, given)
  t.match(await call(...register, { token: 'pod', json: {} }), { status: 503 })
  const token = header(new FakeRun(nobody, 'unread'))
  for (const [method, path, kind] of [
    ['GET', '', 'job'],
    ['PUT', '/acquire', 'session'],
    ['PUT', '/finish', 'job'],
    ['POST', '/chunks?sequence=1&offset=0&size=1', 'job'],
    ['POST', '/data/get', 'job'],
  ] as const) {
    const sent = { token: token(kind), json: {} }
    t.match(await call(method, `/v3/jobs/unread${path}`, sent), { status: 503 }, path)
  }
  t.match(await call('POST', '/v3/heartbeat', { token: token('session'), json: {} }), {
    status: 200,
  })
  t.same(audits(), [])
  t.same(run.told, [])
})

t.test('while the API server is away nobody is refused: 503, and again', async t => {
  for (const given of [{ identify: away }, { findOfPod: away }, { addressesOf: away }]) {
    const { call, audits } = await admitting(t, given)
    const { status, headers } = await call(...register, { token: 'pod', json: {} })
    t.equal(status, 503, Object.keys(given).join())
    t.match(headers['retry-after'], /^\d+$/)
    t.same(audits(), [])
  }
  const { call, run } = await admitting(t)
  run.bind = away
  t.match(await call(...register, { token: 'pod', json: {} }), { status: 503 })
})

t.test('a register is held while the API server is away, and goes on when it is back', async t => {
  let back = false
  const identify = async () => (back ? { name: 'pod-1', uid: podUid } : away())
  const { call, clock, lines } = await admitting(t, { identify, limits: { holdMs: 45_000 } })
  const calling = call(...register, { token: 'pod', json: {} })
  const failures = () =>
    lines.filter(line => line['msg'] === 'a pod can not be admitted now').length
  await until(() => failures() === 1)
  back = true
  clock.advance(2_000)
  t.match(await calling, { status: 200 })
})

t.test('only so many are reviewed at a time', async t => {
  let most = 0
  let now = 0
  const waiting: (() => void)[] = []
  const identify = async () => {
    most = Math.max(most, ++now)
    await new Promise<void>(resolve => waiting.push(resolve))
    now -= 1
    return { name: 'pod-1', uid: podUid }
  }
  const { call } = await admitting(t, { identify, limits: { holdMs: 45_000, reviews: 3 } })
  const calls = [...Array(7).keys()].map(n =>
    call(...register, { token: `Token pod-${n}`, json: {} }),
  )
  let done = false
  const all = Promise.all(calls).then(answers => {
    done = true
    return answers
  })
  while (!done) {
    waiting.shift()?.()
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  for (const { status } of await all) t.equal(status, 200)
  t.equal(most, 3)
})

const addressesOf =
  (pod: string[], node: string[] = []) =>
  async (_: ProvenPod): Promise<PodAddresses> => ({ pod, node })

t.test("a pod's tokens are good at its own addresses only, where those can be seen", async t => {
  const upstream = await scripted(t, () => ({ json: { state: 'running' } }))
  const given = { addressesOf: addressesOf(['127.0.0.1', 'fd00::7'], ['127.0.0.9']) }
  const { call, job, audits, run } = await gatewayOf(t, upstream.endpoint, given)
  const registered = await call(...register, { token: 'pod', json: {} })
  const session = `Token ${registered.json['access_token'] as string}`
  const acquired = await call('PUT', `${job}/acquire`, { token: session })
  const token = `Token ${acquired.json['token'] as string}`
  t.match(await call('GET', job, { token }), { status: 200 })
  t.match(await call('GET', job, { token, from: '127.0.0.9' }), { status: 200 }, "by its node's")
  t.same(audits(), [])
  t.match(await call('GET', job, { token, from: '127.0.0.2' }), { status: 403 })
  t.match(await call('PUT', `${job}/finish`, { token, from: '127.0.0.2' }), { status: 403 })
  t.match(await call('PUT', `${job}/acquire`, { token: session, from: '127.0.0.2' }), {
    status: 422,
  })
  const from = '127.0.0.2'
  t.match(audits(), Array(3).fill({ from, job: run.jobId, pod: podUid, why: /address/ }))
  t.equal(audits().length, 3)
})

t.test('a pod that is seen at an address that is not its own is not held to any', async t => {
  for (const addresses of [['10.9.9.9'], []]) {
    const given = { addressesOf: addressesOf(addresses) }
    const { call, clock } = await admitting(t, given)
    const calling = call(...register, { token: 'pod', json: {} })
    if (addresses.length === 0) {
      for (let looks = 1; looks < 3; looks++) {
        await until(() => clock.sleeping === 1)
        clock.advance(300)
      }
    }
    const token = `Token ${(await calling).json['access_token'] as string}`
    t.match(await call('POST', '/v3/connect', { token, from: '127.0.0.2' }), { status: 200 })
  }
})

t.test('who has been seen at an address of its own registers from nowhere else', async t => {
  const given = { addressesOf: addressesOf(['127.0.0.1'], ['127.0.0.9']) }
  const { call, audits, run } = await admitting(t, given)
  t.match(await call(...register, { token: 'pod', json: {} }), { status: 200 })
  const from = '127.0.0.2'
  t.match(await call(...register, { token: 'pod', json: {}, from }), { status: 403 })
  t.match(audits(), [{ from, job: run.jobId, pod: podUid, why: /another address/ }])
  t.match(
    await call(...register, { token: 'pod', json: {} }),
    { status: 200 },
    'but it may ask again',
  )
})

t.test('and neither does one whose token of ours has shown that, after a restart', async t => {
  const upstream = await scripted(t, () => ({ json: { state: 'running' } }))
  const given = { addressesOf: addressesOf(['127.0.0.1']) }
  const before = await gatewayOf(t, upstream.endpoint, given)
  const registered = await before.call(...register, { token: 'pod', json: {} })
  const session = `Token ${registered.json['access_token'] as string}`
  const { call } = await gatewayOf(t, upstream.endpoint, given)
  t.match(await call('POST', '/v3/connect', { token: session }), { status: 200 })
  const stolen = { token: 'pod', json: {}, from: '127.0.0.2' }
  t.match(await call(...register, stolen), { status: 403 })
})

t.test(
  'a pod of whom the API server does not know the address yet is asked about again',
  async t => {
    let looks = 0
    const late = async (): Promise<PodAddresses> => ({
      pod: ++looks > 1 ? ['127.0.0.1'] : [],
      node: [],
    })
    const { call, clock } = await admitting(t, { addressesOf: late })
    const calling = call(...register, { token: 'pod', json: {} })
    await until(() => clock.sleeping === 1)
    clock.advance(300)
    const token = `Token ${(await calling).json['access_token'] as string}`
    t.match(await call('POST', '/v3/connect', { token, from: '127.0.0.2' }), { status: 403 })
  },
)

t.test('a token of a pod that does not have the run is good for nothing', async t => {
  const upstream = await scripted(t, () => ({}))
  const { call, job, run, audits } = await gatewayOf(t, upstream.endpoint)
  run.uid = 'another'
  t.match(await call('GET', job, { token: 'job' }), { status: 401 }, 'its agent cancels')
  t.match(await call('PUT', `${job}/finish`, { token: 'job', json: {} }), { status: 401 })
  t.match(await call('GET', '/v3/ping', { token: 'session' }), { json: { action: 'disconnect' } })
  t.equal(audits().length, 3)
  t.same(upstream.got, [])
  t.same(run.told, [])
})

t.test("a pod's token is of its own run, whatever job it names", async t => {
  const upstream = await scripted(t, () => ({}))
  const other = new FakeRun(upstream.endpoint, '01890000-0000-4000-8000-000000000002')
  const { call, audits } = await gatewayOf(t, upstream.endpoint, { runs: [other] })
  t.match(await call('PUT', `/v3/jobs/${other.jobId}/finish`, { token: 'job', json: {} }), {
    status: 403,
  })
  t.equal(audits().length, 1)
  t.same(other.told, [])
})
