import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { hasComponents, kill, restore, restoreInTheEnd, stall } from '../harness/components.js'
import {
  counted,
  countingPipeline,
  endsWhole,
  leavesNoOrphan,
  letEnd,
  openPipeline,
} from '../harness/counting.js'
import { podOf } from '../harness/job-pods.js'
import { startWorld } from '../harness/world.js'

// By hand for longer, such as three minutes.
const outageSeconds = Number(process.env['OUTAGE_SECONDS'] ?? 90)
const skip = !hasComponents() && "the cluster's processes are not ours"

t.test('an API server that is away', { skip }, async t => {
  const world = await startWorld(t)
  const { upstream, namespaces } = world
  restoreInTheEnd(t, 'apiserver')
  const begin = (to: number) => world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
  const [through, within] = [world.begin(openPipeline(3)).id, begin(30)]
  const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 60_000, what: 'the jobs to run' })
  const pod = await podOf(world, through)

  // For half of the time nobody answers, for the other half nobody listens.
  const half = (outageSeconds * 1_000) / 2
  stall('apiserver')
  await delay(half / 2)
  const late = begin(3)
  await delay(half / 2)
  await kill('apiserver')
  await delay(half)
  t.equal(upstream.job(through).state, 'running', 'nobody has given the job up')
  await restore('apiserver')

  await letEnd(namespaces.jobs, pod)
  const seconds = 240
  await endsWhole(t, upstream, within, { to: 30, exitStatus: 3, seconds })
  await endsWhole(t, upstream, late, { to: 3, exitStatus: 3, seconds })
  await endsWhole(t, upstream, through, { exitStatus: 3, seconds })
  t.ok(
    upstream.agents().every(({ state }) => state !== 'lost'),
    'and no agent was lost',
  )
  await leavesNoOrphan(t, upstream, namespaces.jobs)
  t.equal((await world.run(`steps: [{ command: "true" }]`)).state, 'passed', 'the next job runs')
})
