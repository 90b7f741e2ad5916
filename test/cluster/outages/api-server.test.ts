import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { hasComponents, kill, restore, restoreInTheEnd, stall } from '../harness/components.js'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from '../harness/counting.js'
import { startWorld } from '../harness/world.js'

const skip = !hasComponents() && "the cluster's processes are not ours"

t.test('an API server that is away for three minutes', { skip }, async t => {
  const world = await startWorld(t)
  const { upstream, namespaces } = world
  restoreInTheEnd(t, 'apiserver')
  const begin = (to: number) => world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
  const [through, within] = [begin(240), begin(60)]
  const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 60_000, what: 'the jobs to run' })

  // For half of the time nobody answers, for the other half nobody listens.
  stall('apiserver')
  await delay(20_000)
  const late = begin(3)
  await delay(70_000)
  await kill('apiserver')
  await delay(90_000)
  t.equal(upstream.job(through).state, 'running', 'nobody has given the job up')
  await restore('apiserver')

  await endsWhole(t, upstream, within, { to: 60, exitStatus: 3, seconds: 240 })
  await endsWhole(t, upstream, late, { to: 3, exitStatus: 3, seconds: 240 })
  await endsWhole(t, upstream, through, { to: 240, exitStatus: 3, seconds: 240 })
  t.ok(
    upstream.agents().every(({ state }) => state !== 'lost'),
    'and no agent was lost',
  )
  await leavesNoOrphan(t, upstream, namespaces.jobs)
  t.equal((await world.run(`steps: [{ command: "true" }]`)).state, 'passed', 'the next job runs')
})
