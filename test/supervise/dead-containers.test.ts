import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { jobOf, podOf, statusOf, supervised } from './cluster-of.js'

// A container is dead and its agent has not noticed: the agent is given time to, by our clock and nobody else's.

/** A pod whose agent runs, and whose container ended at that time by the clock of its node. */
function deadAt(at: number): V1Pod {
  const pod = podOf('job-1', { running: {} }, { at: 990_000 })
  const terminated = { exitCode: 7, reason: 'Error', finishedAt: new Date(at) }
  const led = [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }]
  pod.spec?.containers.push({ name: 'container-0', image: 'image', env: led })
  pod.status?.containerStatuses?.push(statusOf('container-0', { terminated }))
  return pod
}

for (const [clock, aheadMs] of [
  ['is right', 0],
  ['is five minutes behind', -300_000],
  ['is five minutes ahead', 300_000],
] as const) {
  t.test(`an agent has time to notice when the clock of its node ${clock}`, async t => {
    const world = supervised(t)
    const { cluster, run, judge } = world
    await world.supervisor.synced()
    run.podSeen = true
    const pod = deadAt(world.clock.now() + aheadMs)
    cluster.liveJob = jobOf('job-1')
    cluster.livePods = [pod]
    cluster.watchedJobs.tell('ADDED', cluster.liveJob)
    cluster.watchedPods.tell('ADDED', pod)
    const heard = () => (run.podCalledAt = run.podPolledAt = world.clock.now())
    for (let second = 0; second < 6; second++) {
      heard()
      await judge(1)
    }
    t.same(run.ends, [], 'it may still send its log, and its finish')
    for (let second = 0; second < 10; second++) {
      heard()
      await judge(1)
    }
    t.match(run.ends, [{ exitStatus: 7, cause: 'ContainerFailed' }], 'it does not notice any more')
  })
}

t.test('the end of another pod of the job is another end', async t => {
  const world = supervised(t)
  const { cluster, run, judge } = world
  await world.supervisor.synced()
  cluster.liveJob = jobOf('job-1')
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  const [first, second] = [deadAt(0), deadAt(0)]
  second.metadata = { ...second.metadata, name: 'pod-2', uid: 'pod-2' }
  cluster.livePods = [first]
  cluster.watchedPods.tell('ADDED', first)
  await judge(6)
  cluster.livePods = [second]
  cluster.watchedPods.tell('DELETED', first)
  cluster.watchedPods.tell('ADDED', second)
  for (let n = 0; n < 6; n++) {
    run.podCalledAt = run.podPolledAt = world.clock.now()
    await judge(1)
  }
  t.same(run.ends, [])
})

/** A run whose pod's container ended just now, with that exit code; `hear` is called after each second. */
async function ended(
  t: Parameters<typeof supervised>[0],
  { exitCode, hear }: { exitCode: number; hear: (world: ReturnType<typeof supervised>) => void },
) {
  const world = supervised(t)
  const { cluster } = world
  await world.supervisor.synced()
  const pod = deadAt(0)
  const terminated = { exitCode, reason: 'Error' }
  pod.status?.containerStatuses?.splice(1, 1, statusOf('container-0', { terminated }))
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  // So that what is not heard of for so long is silent.
  await world.judge(20)
  cluster.watchedPods.tell('ADDED', pod)
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      hear(world)
      await world.judge(1)
    }
  }
  return { ...world, pass }
}

t.test('a poll that was answered after the end may have been on its way before it', async t => {
  let polls = 3
  const { run, clock, pass } = await ended(t, {
    exitCode: 7,
    hear: () => {
      run.podCalledAt = clock.now()
      if (polls-- > 0) run.podPolledAt = clock.now()
    },
  })
  await pass(60)
  t.same(run.ends, [], 'it has asked no more')
})

for (const exitCode of [7, 137])
  t.test(
    `after a restart of ours an agent may be between two tries: status ${exitCode}`,
    async t => {
      const { run, clock, pass } = await ended(t, {
        exitCode,
        hear: () => (run.podCalledAt = clock.now()),
      })
      t.equal(run.podPolledAt, undefined, 'nobody knows when it asked')
      await pass(250)
      t.same(run.ends, [], 'an earlier process may have turned its last chunk away')
      await pass(60)
      t.match(run.ends, [{ exitStatus: exitCode }])
    },
  )

t.test(
  'an agent that begins to write while the last words are fetched ends its job itself',
  async t => {
    const { run, cluster, clock, pass } = await ended(t, {
      exitCode: 7,
      hear: () => (run.podCalledAt = run.podPolledAt = clock.now()),
    })
    let fetched = 0
    cluster.podLog = async () => {
      fetched += 1
      run.podWriting = true
      return 'so long'
    }
    await pass(12)
    t.equal(fetched, 1)
    t.same(run.ends, [])
    run.podWriting = false
    await pass(20)
    t.ok(fetched > 1, 'it is judged again')
  },
)
