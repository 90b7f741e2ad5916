import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { until } from '../cluster-client/loopback.js'
import { eventOf, jobOf, podOf, settle, supervised } from './cluster-of.js'

// A watch that is held back tells of what was, or of what never came to be: nothing may die of it.

const runs = { running: {} }
const died = { terminated: { exitCode: 137, reason: 'OOMKilled' } }

/** A run whose pod is well, as the API server knows. */
async function healthy(t: Parameters<typeof supervised>[0]) {
  const world = supervised(t)
  await world.supervisor.synced()
  world.cluster.liveJob = jobOf('job-1', undefined, world.clock.now())
  world.cluster.livePods = [podOf('job-1', runs, { at: world.clock.now() })]
  return world
}

function nothingHappened(t: Tap, { run, cluster }: Awaited<ReturnType<typeof healthy>>) {
  t.same(run.ends, [])
  t.same([...cluster.deleted, ...cluster.ended, ...cluster.podsDeleted], [])
}
type Tap = { same(found: unknown, wanted: unknown): void }

t.test('a watch of the pods that is stale ends no run', async t => {
  const world = await healthy(t)
  const { cluster, judge } = world
  cluster.watchedJobs.tell('ADDED', jobOf('job-1'))
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => cluster.looks === 1)
  cluster.watchedPods.tell('DELETED', podOf('job-1', died))
  await until(() => cluster.looks === 2)
  await judge(60)
  t.ok(cluster.looks > 5, 'it looks again')
  t.ok(cluster.looks < 15, `and less and less often: ${cluster.looks} looks in a minute`)
  nothingHappened(t, world)
})

t.test('a watch of the Jobs that is stale ends no run', async t => {
  const world = await healthy(t)
  const { cluster, judge } = world
  for (const condition of ['Failed', 'FailureTarget']) {
    const job = jobOf('job-1', { type: condition, reason: 'DeadlineExceeded' })
    cluster.watchedJobs.tell('ADDED', job)
    await judge()
  }
  cluster.watchedJobs.tell('DELETED', jobOf('job-1'))
  await judge()
  t.ok(cluster.looks > 0)
  nothingHappened(t, world)
})

const refused = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted"'

t.test('an event about a Job whose pod the watch has not told of ends no run', async t => {
  const world = await healthy(t)
  const { cluster, judge, run, clock } = world
  const job = jobOf('job-1', undefined, clock.now())
  cluster.watchedJobs.tell('ADDED', job)
  const said = { reason: 'FailedCreate', message: refused, type: 'Warning', at: clock.now() }
  cluster.watchedEvents.tell('ADDED', eventOf('Job', run.jobName, said))
  await judge(60)
  t.ok(cluster.looks > 0)
  nothingHappened(t, world)
})

t.test('a verdict that rests on events asks for the events, too', async t => {
  const world = await healthy(t)
  const { cluster, judge, run, clock } = world
  const job = jobOf('job-1', undefined, clock.now())
  cluster.liveJob = job
  cluster.livePods = []
  cluster.watchedJobs.tell('ADDED', job)
  const said = { reason: 'FailedCreate', message: refused, type: 'Warning', at: clock.now() }
  cluster.watchedEvents.tell('ADDED', eventOf('Job', run.jobName, said))
  const quota = 'Error creating: pods "x" is forbidden: exceeded quota: small'
  const later = { ...said, message: quota, at: clock.now() + 1_000 }
  cluster.eventsOf.set(run.jobName, [eventOf('Job', run.jobName, later)])
  await judge(20)
  t.ok(cluster.eventLooks > 0)
  nothingHappened(t, world)
})

t.test('a node that was not ready a moment ago ends no run', async t => {
  const world = await healthy(t)
  const { cluster, judge, run, clock } = world
  run.podCalledAt = clock.now()
  cluster.livePods = [notReady(clock.now())]
  cluster.watchedPods.tell('ADDED', notReady(clock.now()))
  cluster.watchedJobs.tell('ADDED', jobOf('job-1'))
  let looks = 0
  cluster.getNode = async name => {
    looks += 1
    const status = looks === 1 ? 'Unknown' : 'True'
    return { metadata: { name }, status: { conditions: [{ type: 'Ready', status }] } }
  }
  await judge(40)
  t.ok(looks > 1)
  nothingHappened(t, world)
})

t.test('an API server that does not answer ends no run, until it does', async t => {
  const { cluster, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  cluster.failing = true
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => cluster.looks === 1)
  await judge(30)
  t.same(run.ends, [])
  t.ok(cluster.looks < 10, `${cluster.looks} looks in half a minute`)
  cluster.failing = false
  cluster.livePods = [podOf('job-1', died)]
  await judge(10)
  t.equal(run.ends.length, 1, 'when it answers again, the verdict is found anew')
})

t.test('what a look at an API server in trouble says is no verdict', async t => {
  const { cluster, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  cluster.podsOfJob = () => Promise.reject(new ClusterError({ status: 503, message: 'busy' }))
  cluster.watchedJobs.tell('ADDED', jobOf('job-1'))
  cluster.watchedPods.tell('ADDED', podOf('job-1', runs))
  cluster.watchedPods.tell('DELETED', podOf('job-1', runs))
  await judge(20)
  await settle()
  t.same(run.ends, [])
})

function notReady(at: number): V1Pod {
  const pod = podOf('job-1', runs, { at })
  return { ...pod, status: { ...pod.status, conditions: [{ type: 'Ready', status: 'False' }] } }
}
