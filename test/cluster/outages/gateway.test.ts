import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from '../harness/counting.js'
import { hostAddress } from '../harness/env.js'
import { freePort } from '../harness/ports.js'
import { startProxy, type Cut } from '../harness/tcp-proxy.js'
import { startWorld, type World } from '../harness/world.js'

t.jobs = 3

const outageMs = 60_000

t.test('a gateway that refuses connections for a minute', t => withoutWay(t, 'refused'))

t.test('a gateway that nothing reaches for a minute', t => withoutWay(t, 'silent'))

t.test('a spawner that stands still for a minute', async t => {
  const world = await startWorld(t)
  await jobsGoOn(t, world, async pause => {
    world.spawner.signal('SIGSTOP')
    await pause()
    world.spawner.signal('SIGCONT')
  })
})

async function withoutWay(t: Test, how: Cut): Promise<void> {
  const port = await freePort()
  const proxy = await startProxy(t, port)
  const flags = {
    'gateway-listen': `0.0.0.0:${port}`,
    'gateway-url': `http://${hostAddress}:${proxy.port}`,
  }
  const world = await startWorld(t, { flags })
  await jobsGoOn(t, world, async pause => {
    await proxy.cut(how)
    await pause()
    await proxy.mend()
  })
}

/** One job runs all through the outage, one ends and one begins in it. */
async function jobsGoOn(
  t: Test,
  world: World,
  outage: (pause: () => Promise<void>) => Promise<void>,
): Promise<void> {
  const { upstream, namespaces } = world
  const begin = (to: number) => world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
  const [through, within] = [begin(100), begin(20)]
  const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 60_000, what: 'the jobs to run' })
  const late: string[] = []
  await outage(async () => {
    late.push(begin(3))
    await delay(outageMs)
    t.equal(upstream.job(through).state, 'running', 'nobody has given the job up')
  })
  await endsWhole(t, upstream, within, { to: 20, exitStatus: 3 })
  for (const id of late) await endsWhole(t, upstream, id, { to: 3, exitStatus: 3 })
  await endsWhole(t, upstream, through, { to: 100, exitStatus: 3 })
  await leavesNoOrphan(t, upstream, namespaces.jobs)
}
