import t from 'tap'
import { isProblem, problemText } from '../../lib/errors.js'
import { refusal, World, type Member } from './world.js'

const unreachable = () => ({ there: 1, back: 1, refused: refusal(503, 'Unavailable') })
const usual = () => ({ there: 5, back: 5 })

/** A world with one who leads, and others who stand by. */
async function ledBy(world: World, standbys = 0): Promise<[Member, ...Member[]]> {
  const leader = world.member({ host: 'a' }).start()
  await world.until(() => leader.acquired)
  const others = Array.from({ length: standbys }, (_, n) => world.member({ host: `b${n}` }).start())
  await world.pass(3_000)
  return [leader, ...others]
}

t.test('a missing Lease is made at once, with what Kubernetes and we read from it', async t => {
  const world = new World()
  const [leader] = await ledBy(world)
  t.ok(leader.fence.open)
  t.match(world.leases.lease, {
    metadata: {
      name: 'ci',
      labels: { 'app.kubernetes.io/managed-by': 'job-spawner', 'job-spawner/instance': 'ci' },
      annotations: { 'job-spawner/holder': /"identity":"a_1","bootId":"a","pid":1/ },
    },
    spec: { holderIdentity: 'a_1', leaseDurationSeconds: 10, leaseTransitions: 0 },
  })
  t.match(JSON.stringify(world.leases.lease), /"renewTime":"[-\dT:]+\.\d{6}Z"/)
})

t.test('who leads renews about every quarter of the duration, and so leads on', async t => {
  const world = new World()
  const [leader] = await ledBy(world)
  let closed = 0
  const before = world.leases.asked.length
  await world.pass(60_000, () => (closed += leader.fence.open ? 0 : 1))
  t.equal(closed, 0)
  const writes = world.leases.asked.length - before
  t.ok(writes >= 22 && writes <= 26, `${writes} requests a minute`)
})

t.test('who stands by says once who leads, and asks about once a second', async t => {
  const world = new World()
  const [, standby] = await ledBy(world, 1)
  const before = world.leases.asked.filter(({ who }) => who === standby?.identity).length
  await world.pass(60_000)
  const asked = world.leases.asked.filter(({ who }) => who === standby?.identity).length - before
  t.ok(asked > 45 && asked < 80, `${asked} looks a minute`)
  t.match(
    standby?.logged.map(({ level, msg, holder }) => [level, msg, holder]),
    [['info', /standing by/, 'a_1']],
  )
})

t.test('a standby takes over when the leader is silent for the duration, not before', async t => {
  const world = new World()
  const [leader, standby] = await ledBy(world, 1)
  leader.kill()
  await world.pass(7_000)
  t.notOk(standby?.fence.open)
  await world.until(() => standby?.acquired === true, 8_000)
  t.match(world.leases.lease?.spec, { holderIdentity: 'b0_2', leaseTransitions: 1 })
})

t.test('a leader that is proved dead is succeeded with the next look', async t => {
  const world = new World()
  const leader = world.member().start()
  await world.until(() => leader.acquired)
  const standby = world.member().start()
  await world.pass(2_000)
  leader.kill()
  const took = await world.until(() => standby.acquired)
  t.ok(took <= 1_300, `${took} ms`)
})

t.test(
  'a clean stop gives the lease away: the fence closes at once, a standby leads in about a second',
  async t => {
    const world = new World()
    const [leader, standby] = await ledBy(world, 1)
    const released = leader.elector.release()
    t.notOk(leader.fence.open)
    const took = await world.until(() => standby?.acquired === true)
    t.ok(took <= 1_300, `${took} ms`)
    await released
    await leader.elector.release()
    await world.pass(30_000)
    t.notOk(leader.fence.open)
    t.equal(leader.lost, undefined, 'who has given it away has not lost it')
    t.equal(world.leases.lease?.spec?.leaseTransitions, 1)
  },
)

t.test(
  'a lease is given away also when the renewal under way is done without an answer',
  async t => {
    const world = new World()
    const [leader] = await ledBy(world)
    world.leases.fate = () => ({ there: 5, back: 5, unanswered: true })
    const before = world.leases.asked.length
    await world.until(() => world.leases.asked.length > before)
    world.leases.fate = usual
    const released = leader.elector.release()
    await world.pass(1_000)
    await released
    t.equal(world.leases.holder, '')
  },
)

t.test('a process that stops does not wait long for an API server that is away', async t => {
  const world = new World()
  const [leader] = await ledBy(world)
  world.leases.fate = () => ({ there: 0, back: 0, dropped: true })
  let done = false
  void leader.elector.release().then(() => (done = true))
  await world.pass(12_000)
  t.ok(done)
  t.match(leader.logged.at(-1), { level: 'warn', msg: /not given away/ })
})

t.test('a standby that stops leaves the lease alone', async t => {
  const world = new World()
  const [, standby] = await ledBy(world, 1)
  const mine = new Error('enough')
  standby?.abort(mine)
  await world.pass(100)
  t.equal(standby?.failed, mine)
  await standby?.elector.release()
  t.equal(world.leases.holder, 'a_1')
  const other = world.member({ host: 'c' }).start()
  await world.pass(2_000)
  void other.elector.release()
  await world.pass(100)
  t.match(other.failed, { message: /given away/ })
})

t.test(
  'while the API server is away the fence closes by itself, and opens when it is back',
  async t => {
    const world = new World()
    const [leader, standby] = await ledBy(world, 1)
    world.leases.fate = unreachable
    await world.pass(10_500)
    t.notOk(leader.fence.open)
    await world.pass(300_000)
    t.equal(world.open().length, 0)
    world.leases.fate = usual
    const took = await world.until(() => world.open().length > 0, 3_000)
    t.ok(took <= 1_500, `${took} ms`)
    const said = leader.logged.filter(({ level }) => level === 'warn')
    t.ok(said.length <= 3, `${said.length} warnings in five minutes`)
    if (leader.fence.open) t.match(leader.logged.at(-1), { level: 'info', msg: /renewed again/ })
    else t.ok(standby?.fence.open)
  },
)

t.test('one request that hangs, or whose answer is lost, does not close the fence', async t => {
  for (const fault of ['dropped', 'unanswered'] as const) {
    const world = new World()
    const [leader] = await ledBy(world)
    let closed = 0
    let spoilt = 0
    world.leases.fate = (_, verb) => ({
      ...usual(),
      [fault]: verb === 'update' && spoilt++ % 3 === 0,
    })
    await world.pass(60_000, () => (closed += leader.fence.open ? 0 : 1))
    t.ok(spoilt > 5)
    t.equal(closed, 0, fault)
    t.equal(leader.lost, undefined)
  }
})

t.test("somebody's own change of the Lease costs the leader nothing", async t => {
  const world = new World()
  const [leader] = await ledBy(world)
  const lease = world.leases.lease
  world.leases.replace({ ...lease, metadata: { ...lease?.metadata, labels: { own: 'label' } } })
  await world.pass(20_000)
  t.ok(leader.fence.open)
  t.match(world.leases.lease?.metadata?.labels, { own: 'label', 'job-spawner/instance': 'ci' })
})

t.test(
  'a leader that was stalled past its term writes nothing, and ends when another leads',
  async t => {
    const world = new World()
    const [leader, standby] = await ledBy(world, 1)
    leader.stalledUntil = world.now + 20_000
    await world.until(() => standby?.acquired === true, 15_000)
    t.notOk(leader.fence.open)
    await world.until(() => leader.lost !== undefined, 15_000)
    t.notOk(leader.fence.open)
    t.ok(isProblem(leader.lost, 'LEASE_LOST'))
    t.match(leader.lost && problemText(leader.lost), /Lease ledger\/ci[^]*a_1[^]*b0_2[^]*to do/)
    await world.pass(30_000)
    t.same(world.open(), [standby])
  },
)

t.test('a lease that another has had in between is lost, also when it is free again', async t => {
  const world = new World()
  const [leader, standby] = await ledBy(world, 1)
  leader.stalledUntil = world.now + 20_000
  await world.until(() => standby?.acquired === true, 15_000)
  void standby?.elector.release()
  await world.until(() => leader.lost !== undefined, 15_000)
  t.match(leader.lost, { code: 'LEASE_LOST', found: /nobody/ })
  t.notOk(leader.fence.open)
})

t.test('a Lease that somebody deletes is made anew by who leads; standbys wait', async t => {
  const world = new World()
  const [leader, standby] = await ledBy(world, 1)
  let closed = 0
  world.leases.delete()
  await world.pass(20_000, () => (closed += leader.fence.open ? 0 : 1))
  t.equal(closed, 0)
  t.equal(world.leases.holder, leader.identity)
  t.notOk(standby?.acquired)
})

t.test('a Lease that is deleted while the leader is cut off is lost to a standby', async t => {
  const world = new World()
  const [leader, standby] = await ledBy(world, 1)
  leader.cutOff = true
  world.leases.delete()
  await world.until(() => standby?.acquired === true, 15_000)
  leader.cutOff = false
  await world.until(() => leader.lost !== undefined, 15_000)
  t.same(world.open(), [standby])
})

t.test('a leader that finds no Lease after its term does not go on with what it knew', async t => {
  const world = new World()
  const [leader] = await ledBy(world)
  leader.cutOff = true
  world.leases.delete()
  await world.pass(15_000)
  leader.cutOff = false
  await world.until(() => leader.lost !== undefined, 15_000)
  t.match(leader.lost, { code: 'LEASE_LOST', found: 'no Lease' })
})

t.test(
  'a Lease that is missing from the start is waited for where there may be a leader',
  async t => {
    const world = new World()
    let asked = 0
    const mayBeHeld = async () => asked++ >= 0
    const careful = world.member({ mayBeHeld }).start()
    await world.pass(9_000)
    t.notOk(careful.acquired)
    const took = await world.until(() => careful.acquired, 3_000)
    t.ok(took > 900)
    t.ok(asked > 0)
  },
)

t.test('of many who start together one leads', async t => {
  const world = new World()
  const all = Array.from({ length: 8 }, (_, n) => world.member({ host: `h${n}` }).start())
  await world.pass(5_000)
  t.equal(all.filter(({ acquired }) => acquired).length, 1)
  t.equal(world.open().length, 1)
})

t.test('a right that we lack is named, and ends the standing by', async t => {
  for (const [verb, found] of [
    ['get', 'get: Forbidden (403)'],
    ['create', 'create: Forbidden (403)'],
  ] as const) {
    const world = new World()
    world.leases.fate = (_, asked) => ({
      ...usual(),
      ...(asked === verb && { refused: refusal(403, 'Forbidden') }),
    })
    const member = world.member().start()
    await world.pass(1_000)
    t.match(member.failed, {
      code: 'LEASE_REFUSED',
      where: 'Lease ledger/ci',
      wanted: 'get, create, update on leases.coordination.k8s.io in namespace ledger',
      found,
      hint: /Role/,
    })
  }
})

t.test('who may make the Lease but not renew it ends and says so', async t => {
  const world = new World()
  world.leases.fate = (_, asked) => ({
    ...usual(),
    ...(asked === 'update' && { refused: refusal(403, 'Forbidden') }),
  })
  const [leader] = await ledBy(world)
  await world.until(() => leader.lost !== undefined)
  t.match(leader.lost, { code: 'LEASE_REFUSED', found: /^update/ })
  t.notOk(leader.fence.open)
})

t.test('a right that is gone for a while is borne like any other fault', async t => {
  const world = new World()
  const [leader, standby] = await ledBy(world, 1)
  const forbidden = () => ({ ...usual(), refused: refusal(403, 'Forbidden') })
  world.leases.fate = forbidden
  await world.pass(5_000)
  world.leases.fate = usual
  await world.pass(5_000)
  t.ok(leader.fence.open)
  t.equal(standby?.failed, undefined)
})

t.test('an API server that cannot be reached at the start is waited for', async t => {
  const world = new World()
  world.leases.fate = unreachable
  const member = world.member().start()
  await world.pass(30_000)
  t.equal(member.failed, undefined)
  t.equal(member.logged.length, 1)
  world.leases.fate = usual
  await world.until(() => member.acquired, 2_000)
})
