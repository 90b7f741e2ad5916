import { setTimeout as delay } from 'node:timers/promises'
import type { V1Node } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { isOver } from '../../harness/builds.js'
import type { FaultRule } from '../../../lib/sandbox/buildkite/faults.js'
import { hasComponents, kill, restore, restoreInTheEnd } from '../harness/components.js'
import {
  counted,
  countingPipeline,
  endsWhole,
  leavesNoOrphan,
  letEnd,
  openPipeline,
} from '../harness/counting.js'
import { hostAddress } from '../harness/env.js'
import { podOf } from '../harness/job-pods.js'
import { eventually, kubectlJson } from '../harness/kubectl.js'
import { freePort } from '../../harness/ports.js'
import { startProxy, type Cut } from '../harness/tcp-proxy.js'
import { startWorld, type World } from '../harness/world.js'

// What can be away while the API server is there. Each has a world of its own, and all begin when all jobs run, because
// no pod starts while the kubelet is away. By hand for longer, such as ten minutes.
const outageSeconds = Number(process.env['OUTAGE_SECONDS'] ?? 60)
const isOurs = hasComponents()
const skip = !isOurs && "the cluster's processes are not ours"

t.jobs = 7

const meeting = { missing: isOurs ? 7 : 6 }

t.test('a gateway that refuses connections', t => withoutWay(t, 'refused'))

t.test('a gateway that nothing reaches', t => withoutWay(t, 'silent'))

t.test('a spawner that stands still', async t => {
  const world = await startWorld(t)
  await jobsGoOn(t, world, async pause => {
    world.spawner.signal('SIGSTOP')
    await pause()
    world.spawner.signal('SIGCONT')
  })
})

// Heartbeats pass: upstream, which calls agents lost, is the one that is away.
t.test('upstream gives no answer', t => withoutUpstream(t, { reset: 'before' }))

t.test('upstream is overloaded: 503', t => withoutUpstream(t, { status: 503 }))

t.test('upstream has enough of us: 429, come again in 5 s', t =>
  withoutUpstream(t, { status: 429, headers: { 'retry-after': '5' } }),
)

t.test('a kubelet that dies and comes back: its pods go on, and so do the jobs', { skip }, t =>
  withoutKubelet(t),
)

async function withoutWay(t: Test, how: Cut): Promise<void> {
  const port = await freePort('0.0.0.0')
  const proxy = await startProxy(t, port)
  const flags = {
    'gateway-listen': `0.0.0.0:${port}`,
    'metrics-listen': '127.0.0.1:0',
    'gateway-url': `http://${hostAddress}:${proxy.port}`,
  }
  const world = await startWorld(t, { flags })
  await jobsGoOn(t, world, async pause => {
    await proxy.cut(how)
    await pause()
    await proxy.mend()
  })
}

async function withoutUpstream(t: Test, trouble: Omit<FaultRule, 'match'>): Promise<void> {
  const world = await startWorld(t)
  await jobsGoOn(t, world, async pause => {
    const mend = world.upstream.fault({ match: { path: /^(?!.*\/heartbeat$)/ }, ...trouble })
    await pause()
    mend()
  })
}

async function withoutKubelet(t: Test): Promise<void> {
  const world = await startWorld(t)
  const { upstream } = world
  restoreInTheEnd(t, 'kubelet')
  await jobsGoOn(t, world, async (_, { within, late, through }) => {
    await kill('kubelet')
    const waiting = late()
    await endsWhole(t, upstream, within, { to: 15, exitStatus: 3 })
    await eventually('the node to be given up', async () => !(await isReady()) || undefined, 120)
    await delay(10_000)
    t.equal(upstream.job(through).state, 'running', 'the node is lost, the job is not')
    t.notOk(isOver(upstream.job(waiting)), 'and one without a pod waits')
    await restore('kubelet')
  })
}

interface Jobs {
  /** Runs all through the outage. */
  through: string
  /** Ends in it. */
  within: string
  /** Begins one in it. */
  late: () => string
}

async function jobsGoOn(
  t: Test,
  world: World,
  outage: (pause: () => Promise<void>, jobs: Jobs) => Promise<void>,
): Promise<void> {
  const { upstream, namespaces } = world
  const begin = (to: number) => world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
  const [through, within] = [world.begin(openPipeline(3)).id, begin(15)]
  const begun: string[] = []
  const late = () => begun[begun.push(begin(3)) - 1] ?? ''
  const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 120_000, what: 'the jobs to run' })
  await allHaveMet()

  const pause = async () => {
    late()
    await delay(outageSeconds * 1_000)
    t.equal(upstream.job(through).state, 'running', 'nobody has given the job up')
  }
  await outage(pause, { through, within, late })

  const seconds = 180 + outageSeconds
  await eventually('the kubelet', async () => (await isReady()) || undefined)
  await letEnd(namespaces.jobs, await podOf(world, through))
  await endsWhole(t, upstream, within, { to: 15, exitStatus: 3, seconds })
  for (const id of begun) await endsWhole(t, upstream, id, { to: 3, exitStatus: 3, seconds })
  await endsWhole(t, upstream, through, { exitStatus: 3, seconds })
  await leavesNoOrphan(t, upstream, namespaces.jobs)
}

async function allHaveMet(): Promise<void> {
  meeting.missing--
  await eventually('the jobs of the others', async () => meeting.missing <= 0 || undefined)
}

async function isReady(): Promise<boolean> {
  const { items } = await kubectlJson<{ items: V1Node[] }>(['get', 'nodes'])
  const conditions = items.flatMap(({ status }) => status?.conditions ?? [])
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}
