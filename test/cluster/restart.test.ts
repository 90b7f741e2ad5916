import t from 'tap'
import { eventually, kubectlJson } from './harness/kubectl.js'
import { isOver, lines } from '../harness/builds.js'
import { startWorld, type World } from './harness/world.js'

// The program dies and comes back; the jobs do not notice. Each test kills a world of its own.

t.jobs = 4

const ticking = `steps: [{ command: "for i in $(seq 1 20); do echo tick $i; sleep 0.5; done" }]`
const ticks = Array.from({ length: 20 }, (_, i) => `tick ${i + 1}`)

async function untilTicking(world: World, id: string) {
  await world.until(id, job => /tick 3\r*\n/.test(job.log), 'the command to run')
}

function ticksOf(log: string): string[] {
  return lines(log).filter(line => line.startsWith('tick '))
}

interface Pods {
  items: { status: { containerStatuses?: { name: string; state: { terminated?: object } }[] } }[]
}

async function commandEnded(namespace: string): Promise<true | undefined> {
  const { items } = await kubectlJson<Pods>(['get', 'pods', '-n', namespace])
  const command = items[0]?.status.containerStatuses?.find(({ name }) => name === 'container-0')
  return command?.state.terminated && true
}

t.test('kill -9 in mid-job: after a restart the job passes, its log without a gap', async t => {
  const world = await startWorld(t)
  const { id } = world.begin(ticking)
  await untilTicking(world, id)
  await world.spawner.kill('SIGKILL')
  world.spawner.start()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { exitStatus: 0, finishCount: 1, chunksFailedCount: 0 })
  t.same(ticksOf(job.log), ticks)
  const next = await world.run(`steps: [{ command: "true" }]`)
  t.equal(next.state, 'passed', 'and the slot takes the next job')
})

t.test('kill -9 while the job ends: it has ended once, with its own exit status', async t => {
  const world = await startWorld(t)
  const { id } = world.begin(`steps: [{ command: "echo tick 3; sleep 2; exit 5" }]`)
  await untilTicking(world, id)
  await world.spawner.kill('SIGKILL')
  // The command ends while nobody is there; its agent asks again until somebody is.
  const { jobs } = world.namespaces
  await eventually('the command to end', () => commandEnded(jobs), 60)
  world.spawner.start()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { exitStatus: 5, finishCount: 1 })
  const made = await kubectlJson<{ items: object[] }>(['get', 'jobs', '-n', jobs])
  t.equal(made.items.length, 1, 'one Job')
})

t.test('SIGTERM: no new job is taken, the running one ends, the agents disconnect', async t => {
  const world = await startWorld(t)
  const { id } = world.begin(ticking)
  await untilTicking(world, id)
  const stopped = world.spawner.kill('SIGTERM')
  // A ping that was under way may still bring a job, which is ours then.
  await eventually('the idle agents to leave', async () => {
    const left = world.upstream.agents().filter(({ state }) => state !== 'disconnected')
    return left.length === 1 || undefined
  })
  const late = world.begin(`steps: [{ command: "true" }]`)
  t.equal(await stopped, 0)
  t.match(world.upstream.job(id), { exitStatus: 0, finishCount: 1 })
  t.equal(world.upstream.job(late.id).state, 'scheduled')
  t.ok(world.upstream.agents().every(({ state }) => state === 'disconnected'))
  const secrets = await kubectlJson<{ items: object[] }>([
    'get',
    'secrets',
    '-n',
    world.namespaces.ledger,
    '-l',
    'app.kubernetes.io/managed-by=job-spawner',
  ])
  t.same(secrets.items, [], 'and the ledger is empty')
})

t.test('a second SIGTERM hands the running job over to the next process', async t => {
  const world = await startWorld(t)
  const { id } = world.begin(ticking)
  await untilTicking(world, id)
  world.spawner.signal('SIGTERM')
  await world.spawner.waitForLog('stop asked for')
  t.equal(await world.spawner.kill('SIGTERM'), 0)
  t.equal(world.upstream.job(id).state, 'running')
  world.spawner.start()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { exitStatus: 0, finishCount: 1 })
  t.same(ticksOf(job.log), ticks)
})
