import { setTimeout as delay } from 'node:timers/promises'
import type { V1Node } from '@kubernetes/client-node'
import t from 'tap'
import { isOver } from '../../harness/builds.js'
import { hasComponents, kill, restore, restoreInTheEnd } from '../harness/components.js'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from '../harness/counting.js'
import { eventually, kubectlJson } from '../harness/kubectl.js'
import { startWorld } from '../harness/world.js'

const skip = !hasComponents() && "the cluster's processes are not ours"

t.test(
  'a kubelet that dies and comes back: its pods went on, and so did the jobs',
  { skip },
  async t => {
    const world = await startWorld(t)
    const { upstream, namespaces } = world
    restoreInTheEnd(t, 'kubelet')
    const begin = (to: number) =>
      world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
    const [through, within] = [begin(150), begin(30)]
    const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
    await upstream.waitFor(running, { timeoutMs: 60_000, what: 'the jobs to run' })

    await kill('kubelet')
    const late = begin(3)
    await endsWhole(t, upstream, within, { to: 30, exitStatus: 3 })
    await eventually('the node to be given up', async () => !(await isReady()) || undefined, 120)
    await delay(20_000)
    t.equal(upstream.job(through).state, 'running', 'the node is lost, the job is not')
    t.notOk(isOver(upstream.job(late)), 'and one without a pod waits')
    await restore('kubelet')

    await endsWhole(t, upstream, late, { to: 3, exitStatus: 3 })
    await endsWhole(t, upstream, through, { to: 150, exitStatus: 3, seconds: 240 })
    await leavesNoOrphan(t, upstream, namespaces.jobs)
  },
)

async function isReady(): Promise<boolean> {
  const { items } = await kubectlJson<{ items: V1Node[] }>(['get', 'nodes'])
  const conditions = items.flatMap(({ status }) => status?.conditions ?? [])
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
}
