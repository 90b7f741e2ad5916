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
