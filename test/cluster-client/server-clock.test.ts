import t from 'tap'
import { connectCluster } from '../../lib/cluster/cluster.js'
import { ServerClock } from '../../lib/cluster/server-clock.js'
import { silentLog } from '../../lib/log.js'
import { HandClock } from './hand-clock.js'
import { kubeConfigOf, loopback, reply } from './loopback.js'

/** A `Date` header that a server sent when its clock had that time. */
function dateAt(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toUTCString()
}

function clocks() {
  const own = new HandClock()
  return { own, clock: new ServerClock(own, silentLog()) }
}

t.test('it is the time of this machine until the server has told its own', async t => {
  const { own, clock } = clocks()
  t.equal(clock.now(), own.now())
  clock.heard(undefined, 5)
  clock.heard('yesterday', 5)
  t.equal(clock.now(), own.now(), 'what is no time tells none')
})

t.test('it is the time of this machine where the two agree', async t => {
  const { own, clock } = clocks()
  for (let n = 0; n < 200; n++) {
    own.advance(37)
    const tookMs = (n * 53) % 900
    clock.heard(dateAt(own.now() - tookMs / 2), tookMs)
    t.equal(clock.now(), own.now(), `after ${tookMs} ms`)
  }
})

for (const aheadMs of [-300_000, 300_000, 86_400_000])
  t.test(`it is the server's time where that is ${aheadMs / 1_000} s ahead`, async t => {
    const { own, clock } = clocks()
    for (let n = 0; n < 50; n++) {
      own.advance(137)
      clock.heard(dateAt(own.now() + aheadMs - 10), 20)
      const off = clock.now() - own.now() - aheadMs
      t.ok(Math.abs(off) <= 2_100, `${off} ms off`)
    }
  })

t.test("it follows when the server's clock is set", async t => {
  const { own, clock } = clocks()
  clock.heard(dateAt(own.now() + 300_000), 20)
  clock.heard(dateAt(own.now()), 20)
  t.ok(Math.abs(clock.now() - own.now()) <= 2_100)
})

t.test("it stands still when this machine's clock is set", async t => {
  const { own, clock } = clocks()
  clock.heard(dateAt(own.now()), 20)
  for (const ms of [300_000, -600_000, 86_400_000]) {
    const before = clock.now()
    own.set(ms)
    t.equal(clock.now(), before, 'at once, and not with the next answer')
    own.advance(1_000)
    t.equal(clock.now(), before + 1_000)
    clock.heard(dateAt(clock.now()), 20)
    t.equal(clock.now(), before + 1_000)
  }
})

t.test('an answer that took long moves nothing that it does not contradict', async t => {
  const { own, clock } = clocks()
  clock.heard(dateAt(own.now() + 300_000), 20)
  const before = clock.now()
  own.advance(30_000)
  // It was made before it waited for half a minute.
  clock.heard(dateAt(before), 30_000)
  t.equal(clock.now(), before + 30_000)
})

t.test("each answer of the API server tells its time, a refusal's too", async t => {
  const server = await loopback(t, (_, response) => {
    response.setHeader('date', new Date(3_600_000).toUTCString())
    reply(response, server.asked.length > 1 ? 403 : 200, { gitVersion: 'v1' })
  })
  const { own, clock } = clocks()
  const cluster = connectCluster({
    kubeConfig: kubeConfigOf(server.url),
    namespace: 'jobs',
    ledgerNamespace: 'ledger',
    log: silentLog(),
    clock: own,
    serverClock: clock,
  })
  t.teardown(() => cluster.close())
  await cluster.ping()
  t.ok(Math.abs(clock.now() - 3_600_000) <= 2_100)
  own.set(-500_000)
  await t.rejects(cluster.getJob('one'))
  t.ok(Math.abs(clock.now() - 3_600_000) <= 2_100)
})
