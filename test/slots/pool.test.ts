import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { emulator, token } from '../sandbox/buildkite/client.js'
import { until } from '../cluster-client/loopback.js'
import { agentAt, failure, nowhere, scripted, type Script } from '../upstream/scripted.js'
import type { AgentSession } from '../../lib/upstream/session.js'
import { deferred, poolOf, untilBy } from './pool-of.js'

const steps = (n: number) => `steps: [${'{ command: "true" },'.repeat(n)}]`

const registered = {
  id: 'a',
  name: 'ci',
  access_token: 'session',
  ping_interval: 10,
  job_status_interval: 5,
  heartbeat_interval: 60,
}

/** An upstream that registers everybody and answers what `script` does not. */
function usual(script: Script): Script {
  return async (got, response) => {
    const said = await script(got, response)
    return said ?? { json: got.path === '/register' ? registered : {} }
  }
}

t.test(
  'all slots register, with names of their own, and their sessions are kept first',
  async t => {
    const upstream = await emulator(t)
    const { pool, kept } = poolOf(t, { endpoint: upstream.endpoint, size: 3 })
    await pool.start()
    await upstream.waitFor(
      () => upstream.agents().filter(a => a.state === 'connected').length === 3,
    )
    t.same(
      upstream
        .agents()
        .map(({ name }) => name)
        .toSorted(),
      ['ci-1', 'ci-2', 'ci-3'],
    )
    t.equal(kept.length, 3)
    t.same(upstream.violations, [])
  },
)

t.test('a session is durable before upstream may hand it a job', async t => {
  const upstream = await emulator(t)
  const held = deferred()
  const { pool } = poolOf(t, { endpoint: upstream.endpoint, keep: () => held.promise })
  const started = pool.start()
  await upstream.waitFor(() => upstream.agents().length === 1)
  t.equal(upstream.agents()[0]?.state, 'registered')
  held.resolve()
  await started
  t.equal(upstream.agents()[0]?.state, 'connected')
})

t.test('a wrong token, and an upstream that is not there, end the start', async t => {
  const upstream = await emulator(t)
  const wrong = poolOf(t, { endpoint: upstream.endpoint, token: 'hunter2' })
  const refused = await failure(wrong.pool.start())
  t.ok(isProblem(refused, 'UPSTREAM_REFUSED'))
  t.match(refused, { hint: 'check the agent token and its cluster', found: /401/ })
  t.notMatch(JSON.stringify(refused), /hunter2/)
  const alone = poolOf(t, { endpoint: await nowhere() })
  let unreachable: Error | undefined
  void failure(alone.pool.start()).then(error => (unreachable = error))
  await untilBy(alone.clock, () => unreachable !== undefined)
  t.ok(isProblem(unreachable, 'UPSTREAM_UNREACHABLE'))
  t.match(unreachable, { where: /^--endpoint \(127\.0\.0\.1:\d+\)$/, found: /ECONNREFUSED/ })
})

t.test('a plan that takes fewer agents means fewer slots, and no failure', async t => {
  const upstream = await emulator(t, { agentLimit: 2 })
  const { pool, states, clock, works } = poolOf(t, { endpoint: upstream.endpoint, size: 4 })
  await pool.start()
  await until(() => upstream.requests.filter(({ status }) => status === 422).length === 2)
  await until(() => states().filter(state => state === 'down').length === 2)
  upstream.createBuild(steps(3))
  await untilBy(clock, () => works.length === 2)
  // Minutes later the plan is asked again; it still refuses.
  const asked = () => upstream.requests.filter(({ path }) => path === '/v3/register').length
  const before = asked()
  await untilBy(clock, () => asked() >= before + 2)
  t.equal(upstream.agents().filter(({ state }) => state === 'connected').length, 2)
  t.same(upstream.violations, [])
})

t.test('idle slots take turns, evenly over the interval', async t => {
  const pings: string[] = []
  let agents = 0
  const { endpoint } = await scripted(t, ({ path, headers }) => {
    if (path === '/ping') pings.push(headers.authorization ?? '')
    const access_token = `s${agents}`
    return { json: path === '/register' ? { ...registered, id: agents++, access_token } : {} }
  }).then(server => server)
  const { pool, clock, states } = poolOf(t, { endpoint, size: 5 })
  pool.slots.forEach((slot, index) => {
    slot.resume(agentAt(endpoint, { accessToken: `s${index}` }), { busy: false })
  })
  await pool.start()
  await until(() => pings.length === 1)
  for (let turn = 2; turn <= 10; turn++) {
    await until(() => states().every(state => state === 'idle'))
    clock.advance(1_999)
    await new Promise(resolve => setTimeout(resolve, 3))
    t.equal(pings.length, turn - 1, 'not before its time')
    clock.advance(1)
    await until(() => pings.length === turn)
  }
  t.equal(new Set(pings.slice(0, 5)).size, 5, 'each once in an interval')
  t.same(pings.slice(5), pings.slice(0, 5), 'and in the same order')
})

t.test('idle slots go on pinging when the clock is set', async t => {
  for (const ms of [-3_600_000, 3_600_000]) {
    const upstream = await scripted(
      t,
      usual(() => undefined),
    )
    const { pool, clock, states } = poolOf(t, { endpoint: upstream.endpoint, size: 2 })
    await pool.start()
    await until(() => states().every(state => state === 'idle'))
    const pings = () => upstream.calls().filter(call => call === 'GET /ping').length
    await untilBy(clock, () => pings() >= 4)
    clock.set(ms)
    const [from, before] = [clock.steady(), pings()]
    await untilBy(clock, () => pings() >= before + 4 || clock.steady() > from + 120_000)
    t.ok(pings() >= before + 4, `${pings() - before} pings in two minutes`)
    for (const { lastPingAt = 0 } of pool.slots) t.ok(lastPingAt > from, 'each has its turn')
    pool.abandon()
  }
})

t.test(
  'a heart that has missed a beat does not rest: upstream calls it lost in minutes',
  async t => {
    let down = false
    const beats: number[] = []
    let now = () => 0
    const upstream = await scripted(
      t,
      usual(({ path }) => {
        if (path !== '/heartbeat') return undefined
        beats.push(now())
        return down ? { status: 503 } : undefined
      }),
    )
    const { pool, clock } = poolOf(t, { endpoint: upstream.endpoint })
    now = () => clock.now()
    await pool.start()
    await untilBy(clock, () => beats.length === 1)
    down = true
    const from = clock.now()
    // Longer than a beat is tried for, and than the rest behind it.
    await untilBy(clock, () => clock.now() > from + 130_000)
    const gaps = beats.slice(2).map((at, n) => at - (beats[n + 1] ?? 0))
    t.ok(Math.max(...gaps) <= 20_000, `${Math.max(...gaps)} ms`)
  },
)

t.test('a ping that brings a job wakes the others: a burst is taken at once', async t => {
  const upstream = await emulator(t, { intervals: { ping: 3_600 } })
  const { pool, works, clock, states } = poolOf(t, { endpoint: upstream.endpoint, size: 4 })
  await pool.start()
  await until(() => states().every(state => state === 'idle'))
  upstream.createBuild(steps(4))
  const before = clock.now()
  // A quarter of the interval: the time of one ping.
  while (works.length === 0) {
    if (!states().includes('pinging')) clock.advance(60_000)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  const first = clock.now()
  await until(() => works.length === 4)
  t.ok(first - before <= 3_600_000)
  t.equal(clock.now(), first, 'no time passed between the first job and the last')
  t.equal(new Set(works.map(({ jobId }) => jobId)).size, 4)
  t.equal(new Set(works.map(({ slot }) => slot.index)).size, 4)
})

t.test('a job that is not to be had hastens nobody, however often it is named', async t => {
  const upstream = await scripted(
    t,
    usual(({ path }) => (path === '/ping' ? { json: { job: { id: 'j' } } } : undefined)),
  )
  let asked = 0
  const work = async () => {
    asked += 1
    return false as const
  }
  const { pool, clock } = poolOf(t, { endpoint: upstream.endpoint, size: 4, work })
  await pool.start()
  // The first time that it is named it may be one of many.
  await untilBy(clock, () => asked >= 8)
  const [from, before] = [clock.now(), asked]
  await untilBy(clock, () => asked >= before + 12)
  const intervals = (clock.now() - from) / (registered.ping_interval * 1_000)
  t.ok(intervals >= 2, `each slot once an interval: 12 pings of 4 slots in ${intervals} intervals`)
})

t.test('a slot whose run is over pings at once', async t => {
  const upstream = await emulator(t, { intervals: { ping: 3_600 } })
  const { pool, works, clock } = poolOf(t, { endpoint: upstream.endpoint })
  upstream.createBuild(steps(1))
  await pool.start()
  await until(() => works.length === 1)
  const pings = () => upstream.requests.filter(({ path }) => path === '/v3/ping').length
  const before = [pings(), clock.now()]
  works[0]?.over()
  await until(() => pings() === (before[0] ?? 0) + 1)
  t.equal(clock.now(), before[1])
})

t.test('a busy slot does not ping; its heart beats', async t => {
  const upstream = await emulator(t, { intervals: { heartbeat: 10 } })
  const { pool, works, clock } = poolOf(t, { endpoint: upstream.endpoint })
  upstream.createBuild(steps(2))
  await pool.start()
  await until(() => works.length === 1)
  const count = (path: string) => upstream.requests.filter(one => one.path === path).length
  const pings = count('/v3/ping')
  await untilBy(clock, () => count('/v3/heartbeat') >= 3)
  t.equal(count('/v3/ping'), pings)
  t.equal(works.length, 1)
})

t.test('a paused agent is given no job, and goes on asking', async t => {
  const upstream = await emulator(t)
  const { pool, works, clock } = poolOf(t, { endpoint: upstream.endpoint })
  await pool.start()
  const id = upstream.agents()[0]?.id ?? ''
  upstream.instruct(id, 'pause')
  upstream.createBuild(steps(1))
  const pings = () => upstream.requests.filter(({ path }) => path === '/v3/ping').length
  const before = pings()
  await untilBy(clock, () => pings() > before + 2)
  t.equal(works.length, 0)
  upstream.instruct(id, undefined)
  await untilBy(clock, () => works.length === 1)
})

t.test(
  'an agent that upstream tells to go goes for good, and all of them mean the end',
  async t => {
    const upstream = await emulator(t)
    const { pool, clock, forgotten } = poolOf(t, { endpoint: upstream.endpoint, size: 2 })
    await pool.start()
    await upstream.waitFor(
      () => upstream.agents().filter(a => a.state === 'connected').length === 2,
    )
    let stopped = false
    const allStopped = pool.allStopped().then(() => (stopped = true))
    const [one, two] = upstream.agents()
    upstream.instruct(one?.id ?? '', 'disconnect')
    await untilBy(clock, () => forgotten.length === 1)
    t.notOk(stopped)
    upstream.instruct(two?.id ?? '', 'disconnect')
    await untilBy(clock, () => stopped)
    await allStopped
    await pool.idle()
    t.same(forgotten.toSorted(), [0, 1])
    t.same(
      upstream.agents().map(({ state }) => state),
      ['disconnected', 'disconnected'],
    )
    t.same(upstream.violations, [])
  },
)

t.test('a drain disconnects idle slots at once and waits for the busy ones', async t => {
  const upstream = await emulator(t)
  const { pool, works, states, forgotten } = poolOf(t, { endpoint: upstream.endpoint, size: 3 })
  await pool.start()
  await until(() => states().every(state => state === 'idle'))
  upstream.createBuild(steps(1))
  const more = poolOf(t, { endpoint: upstream.endpoint })
  await more.pool.start()
  await until(() => more.works.length === 1)
  await pool.drain()
  t.same(states(), ['stopped', 'stopped', 'stopped'])
  t.same(forgotten.toSorted(), [0, 1, 2])
  t.equal(works.length, 0)
  await more.pool.drain()
  t.same(more.states(), ['busy'])
  let idle = false
  const waiting = more.pool.idle().then(() => (idle = true))
  await new Promise(resolve => setTimeout(resolve, 20))
  t.notOk(idle, 'the run goes on')
  more.works[0]?.over()
  await waiting
  t.same(more.states(), ['stopped'])
  t.same(
    upstream.agents().map(({ state }) => state),
    Array(4).fill('disconnected'),
  )
})

t.test('a job that comes with the last ping before a drain is run', async t => {
  const upstream = await emulator(t)
  const { pool, works, states } = poolOf(t, { endpoint: upstream.endpoint })
  upstream.createBuild(steps(1))
  // The emulator answers the ping only when the clock of the fault has gone on.
  upstream.fault({ match: { path: /\/ping$/ }, delayMs: 50, times: 1 })
  await pool.start()
  await until(() => states()[0] === 'pinging')
  await pool.drain()
  t.same(states(), ['pinging'], 'its ping is not cut off')
  let idle = false
  const waiting = pool.idle().then(() => (idle = true))
  await until(() => works.length === 1)
  t.same(states(), ['busy'])
  t.notOk(idle)
  works[0]?.over()
  await waiting
  t.same(states(), ['stopped'])
})

t.test('an empty ping during a drain ends the slot, once', async t => {
  const upstream = await emulator(t)
  const { pool, states, forgotten } = poolOf(t, { endpoint: upstream.endpoint })
  upstream.fault({ match: { path: /\/ping$/ }, delayMs: 50, times: 1 })
  await pool.start()
  await until(() => states()[0] === 'pinging')
  await Promise.all([pool.drain(), pool.drain()])
  await pool.idle()
  t.same(states(), ['stopped'])
  t.same(forgotten, [0])
  t.equal(upstream.requests.filter(({ path }) => path === '/v3/disconnect').length, 1)
  t.same(upstream.violations, [])
})

t.test('a drain while a slot is still registering leaves no agent behind', async t => {
  const upstream = await emulator(t)
  const { pool, states } = poolOf(t, { endpoint: upstream.endpoint, size: 2 })
  upstream.fault({ match: { path: /\/register$/ }, status: 503, times: 2 })
  const starting = pool.start().catch(() => undefined)
  await until(() => upstream.requests.length > 0)
  await pool.drain()
  await starting
  await pool.idle()
  t.ok(
    states().every(state => state !== 'idle' && state !== 'busy'),
    states().join(),
  )
})

t.test('a refused session is registered anew, whether a ping or a heartbeat meets it', async t => {
  for (const path of ['/ping', '/heartbeat']) {
    for (const status of [401, 404]) {
      let registrations = 0
      let refuse = true
      const { endpoint } = await scripted(
        t,
        usual(got => {
          if (got.path === '/register') registrations += 1
          if (got.path === '/register' && registrations === 2) refuse = false
          // After a refused heartbeat the session is refused everywhere, as upstream does it.
          const refused = got.path === path || got.path === '/ping'
          return refuse && refused && (path === '/ping' || beaten(got.path))
            ? { status }
            : undefined
        }),
      )
      let beats = 0
      const beaten = (at: string) => (at === '/heartbeat' ? ++beats > 0 : beats > 0)
      const { pool, clock, states } = poolOf(t, { endpoint })
      await pool.start()
      await untilBy(clock, () => registrations === 2 && states()[0] === 'idle')
      t.pass(`${path} ${status}`)
      pool.abandon()
    }
  }
})

t.test('a heartbeat that is refused while the slot idles does not lose the slot', async t => {
  let registrations = 0
  const { endpoint } = await scripted(t, ({ path }) => {
    if (path === '/heartbeat' && registrations === 1) return { status: 401 }
    if (path !== '/register') return {}
    registrations += 1
    // Pings so rare that the heartbeat comes between two of them.
    return { json: { ...registered, ping_interval: 300, heartbeat_interval: 5 } }
  })
  const { pool, clock, states } = poolOf(t, { endpoint })
  await pool.start()
  await untilBy(clock, () => registrations === 2 && states()[0] === 'idle')
  t.equal(registrations, 2)
})

t.test('a session that is refused under a run is registered anew after it', async t => {
  let registrations = 0
  let given = false
  const upstream = await scripted(
    t,
    usual(({ path }) => {
      if (path === '/register') registrations += 1
      if (path === '/heartbeat' && registrations === 1) return { status: 401 }
      if (path !== '/ping' || given) return undefined
      given = true
      return { json: { job: { id: 'j' } } }
    }),
  )
  const { pool, clock, works, states } = poolOf(t, { endpoint: upstream.endpoint })
  await pool.start()
  await until(() => works.length === 1)
  await untilBy(clock, () => upstream.calls().includes('POST /heartbeat'))
  t.same(states(), ['busy'], 'the run goes on')
  works[0]?.over()
  await untilBy(clock, () => registrations === 2 && states()[0] === 'idle')
  t.notOk(upstream.calls().includes('POST /disconnect'), 'of a dead session nobody takes leave')
})

t.test('passing troubles of pings and heartbeats cost nothing', async t => {
  const upstream = await emulator(t)
  const { pool, clock, works } = poolOf(t, { endpoint: upstream.endpoint })
  await pool.start()
  upstream.fault({ match: { path: /\/ping$/ }, status: 503, times: 2 })
  upstream.fault({ match: { path: /\/ping$/ }, reset: 'before', times: 2 })
  upstream.fault({ match: { path: /\/ping$/ }, status: 200, body: 'nonsense', times: 2 })
  upstream.createBuild(steps(1))
  await untilBy(clock, () => works.length === 1)
  t.equal(upstream.agents().length, 1, 'registered once')
})

t.test('a run that fails badly frees its slot', async t => {
  const upstream = await emulator(t, { timeouts: { assignedMs: 1 } })
  let runs = 0
  const { pool, clock, states } = poolOf(t, {
    endpoint: upstream.endpoint,
    work: async () => {
      runs += 1
      throw new Error('a bug')
    },
  })
  upstream.createBuild(steps(1))
  await pool.start()
  await untilBy(clock, () => runs > 1)
  t.ok(['idle', 'pinging', 'busy'].includes(states()[0] ?? ''))
})

t.test('a run of an earlier process keeps its slot busy, then the slot pings', async t => {
  const upstream = await emulator(t)
  const other = poolOf(t, { endpoint: upstream.endpoint })
  await other.pool.start()
  const session = other.kept[0]?.[1]
  other.pool.abandon()
  const { pool, clock, works, states } = poolOf(t, { endpoint: upstream.endpoint })
  const run = deferred()
  const slot = pool.slot(0)
  if (session) slot.resume(session, { busy: true, beatNow: true })
  pool.adopt(slot, run.promise)
  upstream.createBuild(steps(1))
  await pool.start()
  await until(() => upstream.requests.some(({ path }) => path === '/v3/heartbeat'))
  t.same(states(), ['busy'])
  t.equal(works.length, 0)
  run.resolve()
  await untilBy(clock, () => works.length === 1)
  t.equal(upstream.agents().length, 1, 'the same agent goes on')
  t.same(upstream.violations, [])
})

t.test('slots beyond the size end: idle ones at the start, busy ones after their run', async t => {
  const upstream = await emulator(t)
  const other = poolOf(t, { endpoint: upstream.endpoint, size: 3 })
  await other.pool.start()
  await until(() => other.kept.length === 3 && other.states().every(state => state === 'idle'))
  const sessions = new Map(other.kept)
  other.pool.abandon()
  const { pool, states } = poolOf(t, { endpoint: upstream.endpoint, size: 1 })
  const run = deferred()
  for (const index of [0, 1, 2]) {
    const slot = pool.slot(index)
    const session = sessions.get(index)
    if (session) slot.resume(session, { busy: index === 2 })
    if (index === 2) pool.adopt(slot, run.promise)
  }
  await pool.start()
  await until(() => pool.slots[1]?.state === 'stopped')
  t.equal(pool.slots[2]?.state, 'busy')
  run.resolve()
  await until(() =>
    states()
      .slice(1)
      .every(state => state === 'stopped'),
  )
  await upstream.waitFor(
    () => upstream.agents().filter(({ state }) => state === 'disconnected').length === 2,
  )
  t.not(pool.slots[0]?.state, 'stopped')
})

t.test('what is left to the next process is not disconnected', async t => {
  const upstream = await emulator(t)
  const { pool, works, states } = poolOf(t, { endpoint: upstream.endpoint, token })
  upstream.createBuild(steps(1))
  await pool.start()
  await until(() => works.length === 1)
  pool.abandon()
  works[0]?.over()
  await pool.idle()
  t.same(states(), ['stopped'])
  t.match(upstream.agents(), [{ state: 'connected' }])
})

t.test('a ping that hangs does not keep its slot', async t => {
  let hung = 0
  const upstream = await scripted(
    t,
    usual(({ path }) => {
      if (path !== '/ping' || ++hung > 1) return undefined
      return new Promise(() => undefined)
    }),
  )
  const { pool, clock, states } = poolOf(t, { endpoint: upstream.endpoint })
  await pool.start()
  await until(() => hung === 1)
  clock.advance(30_000)
  await until(() => states()[0] === 'idle')
  await untilBy(clock, () => hung >= 3)
})

t.test('what upstream asks of one slot all of them do: they wait, and take turns then', async t => {
  const pings: number[] = []
  let clockNow = () => 0
  let busy = false
  const upstream = await scripted(
    t,
    usual(({ path }) => {
      if (path !== '/ping') return undefined
      pings.push(clockNow())
      return busy ? { status: 429, headers: { 'retry-after': '40' } } : undefined
    }),
  )
  const { pool, clock, states } = poolOf(t, { endpoint: upstream.endpoint, size: 5 })
  clockNow = () => clock.now()
  await pool.start()
  await until(() => states().every(state => state === 'idle'))
  busy = true
  const before = pings.length
  await untilBy(clock, () => pings.length > before && !states().includes('pinging'))
  for (const slot of pool.slots) slot.woken = true
  busy = false
  // It was woken after upstream had spoken: even so it waits.
  await untilBy(clock, () => pings.length >= before + 2)
  const [asked = 0, next = 0] = pings.slice(before)
  t.ok(next - asked >= 40_000, `${next - asked} ms`)
})

t.test('one wrong answer costs no agent', async t => {
  for (const path of ['/ping', '/heartbeat']) {
    let refusals = 1
    let registrations = 0
    const upstream = await scripted(
      t,
      usual(got => {
        if (got.path === '/register') registrations += 1
        return got.path === path && refusals-- > 0 ? { status: 404 } : undefined
      }),
    )
    const { pool, clock } = poolOf(t, { endpoint: upstream.endpoint })
    await pool.start()
    const count = () => upstream.calls().filter(call => call.endsWith(path)).length
    await untilBy(clock, () => count() >= 4)
    t.equal(registrations, 1, path)
    pool.abandon()
  }
})

t.test('the heart of a busy slot beats on although upstream refuses its session', async t => {
  let given = false
  const upstream = await scripted(
    t,
    usual(({ path }) => {
      if (path === '/heartbeat') return { status: 401 }
      if (path !== '/ping' || given) return undefined
      given = true
      return { json: { job: { id: 'j' } } }
    }),
  )
  const { pool, clock, works } = poolOf(t, { endpoint: upstream.endpoint })
  await pool.start()
  await until(() => works.length === 1)
  const beats = () => upstream.calls().filter(call => call === 'POST /heartbeat').length
  await untilBy(clock, () => beats() >= 5)
  t.equal(pool.slots[0]?.state, 'busy', 'should it have been an error, the job is not lost')
})

t.test('a stop between register and connect leaves no agent behind', async t => {
  const upstream = await emulator(t)
  const held = deferred()
  const { pool, forgotten } = poolOf(t, { endpoint: upstream.endpoint, keep: () => held.promise })
  const starting = pool.start().catch(() => undefined)
  await upstream.waitFor(() => upstream.agents().length === 1)
  const stopped = pool.drain()
  held.resolve()
  await Promise.all([starting, stopped, pool.idle()])
  t.match(upstream.agents(), [{ state: 'disconnected' }])
  t.ok(forgotten.includes(0))
  t.same(upstream.violations, [])
})

t.test('a session that an earlier process had not connected yet is connected', async t => {
  const upstream = await emulator(t)
  const held = deferred()
  const kept: AgentSession[] = []
  const keep = async (_: unknown, session: AgentSession) => {
    kept.push(session)
    await held.promise
  }
  const first = poolOf(t, { endpoint: upstream.endpoint, keep })
  void first.pool.start().catch(() => undefined)
  await until(() => kept.length === 1)
  first.pool.abandon()
  const { pool, works, states } = poolOf(t, { endpoint: upstream.endpoint })
  upstream.createBuild(steps(1))
  for (const session of kept) pool.takeUp(pool.slot(0), session)
  await pool.start()
  await until(() => works.length === 1)
  t.same(states(), ['busy'])
  t.equal(upstream.agents().length, 1)
  t.same(upstream.violations, [])
})

t.test('a session that an earlier process had disconnected makes way for a new one', async t => {
  const upstream = await emulator(t)
  const first = poolOf(t, { endpoint: upstream.endpoint })
  await first.pool.start()
  await until(() => upstream.agents()[0]?.state === 'connected')
  const sessions = first.kept.map(([, session]) => session)
  await first.pool.drain()
  await until(() => upstream.agents()[0]?.state === 'disconnected')
  const { pool, works, kept } = poolOf(t, { endpoint: upstream.endpoint })
  for (const session of sessions) pool.takeUp(pool.slot(0), session)
  upstream.createBuild(steps(1))
  await pool.start()
  await until(() => works.length === 1)
  t.equal(kept.length, 1)
  t.match(upstream.agents(), [{ state: 'disconnected' }, { state: 'connected' }])
})

t.test('a pool of which no slot can be used says so', async t => {
  const upstream = await emulator(t)
  const { pool } = poolOf(t, { endpoint: upstream.endpoint, size: 2 })
  t.equal(pool.unusable(), undefined)
  for (const slot of pool.slots) slot.state = 'stopped'
  t.match(pool.unusable(), /no slot can be used/)
  await pool.start()
  t.same(upstream.agents(), [])
})
