import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { isFinished } from '../../lib/supervise/unfinished.js'
import { until } from '../cluster-client/loopback.js'
import {
  eventOf,
  FakeRun,
  jobOf,
  nameOf,
  podOf,
  settle,
  statusOf,
  supervised,
  TwoFacedCluster,
} from './cluster-of.js'

const runs = { running: {} }
const died = { terminated: { exitCode: 137, reason: 'OOMKilled' } }

t.test(
  'a pod that died without a finish ends its run, and its Job is ended but not deleted',
  async t => {
    const { cluster, supervisor, run } = supervised(t)
    await supervisor.synced()
    cluster.liveJob = jobOf('job-1')
    cluster.livePods = [podOf('job-1', died)]
    cluster.watchedJobs.tell('ADDED', cluster.liveJob)
    cluster.watchedPods.tell('ADDED', podOf('job-1', runs))
    await until(() => run.podSeen)
    t.same(run.ends, [])
    cluster.watchedPods.tell('MODIFIED', podOf('job-1', died))
    await until(() => run.ends.length === 1)
    const cause = 'AgentOutOfMemory'
    t.match(run.ends, [{ cause, fault: 'cluster', exitStatus: -1, signalReason: 'agent_stop' }])
    await until(() => cluster.ended.length === 1)
    t.same(cluster.ended, [nameOf('job-1')])
    t.same(cluster.deleted, [], 'kubectl describe has something to say until its TTL')
    t.match(supervisor.takeMessage('job-1'), /container agent/i)
    t.equal(supervisor.takeMessage('job-1'), undefined)
    await settle()
    t.equal(run.ends.length, 1)
  },
)

t.test('a Job that has come to its end is left to its TTL', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.liveJob = jobOf('job-1', { type: 'Failed' })
  cluster.livePods = [podOf('job-1', died)]
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => run.ends.length === 1)
  await settle()
  t.same(cluster.deleted, [])
  t.same(cluster.ended, [])
})

t.test('where a Job may not be patched, it is deleted', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.endJob = () => Promise.reject(new ClusterError({ status: 403, message: 'no' }))
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [podOf('job-1', died)]
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => cluster.deleted.length === 1)
  t.equal(run.ends.length, 1)
})

t.test('a Job that was deleted before it had a pod ends its run', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.liveJob = jobOf('job-1')
  cluster.watchedJobs.tell('ADDED', jobOf('job-1'))
  await until(() => supervisor.hasJob(nameOf('job-1')))
  await settle()
  t.same(run.ends, [])
  cluster.liveJob = undefined
  cluster.watchedJobs.tell('DELETED', jobOf('job-1'))
  await until(() => run.ends.length === 1)
  t.match(run.ends, [{ cause: 'JobDeleted', fault: 'cluster', signalReason: 'stack_error' }])
})

t.test('a Job that the watch has not told of yet is not a deleted one', async t => {
  const { cluster, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  cluster.liveJob = jobOf('job-1')
  await judge(1)
  t.equal(cluster.looks, 0, 'it was made a moment ago')
  await judge()
  await judge()
  t.ok(cluster.looks >= 1)
  t.same(run.ends, [])
})

t.test('a pod that is gone is known to have been there', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.liveJob = jobOf('job-1')
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  cluster.watchedPods.tell('ADDED', podOf('job-1', runs))
  await until(() => run.podSeen)
  cluster.watchedPods.tell('DELETED', podOf('job-1', runs))
  await until(() => run.ends.length === 1)
  t.match(run.ends, [{ cause: 'PodDeleted' }])
})

t.test('of two pods the newer one counts', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  const dead = podOf('job-1', died, { name: 'old', at: 1_000 })
  const alive = podOf('job-1', runs, { name: 'new', at: 2_000 })
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [dead, alive]
  cluster.watchedPods.tell('ADDED', alive)
  cluster.watchedPods.tell('ADDED', dead)
  await until(() => run.podSeen)
  await settle()
  t.same(run.ends, [])
  t.equal(cluster.looks, 0, 'not even a look')
})

t.test('a verdict ripens with time alone', async t => {
  const { cluster, supervisor, run, judge, clock } = supervised(t)
  await supervisor.synced()
  const pod = withoutImage('job-1', clock.now())
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedPods.tell('ADDED', pod)
  await settle()
  await judge(29)
  t.same(run.ends, [], 'after 29 s')
  t.match(supervisor.waitingFor('job-1'), /container-0/)
  await judge(2)
  t.match(run.ends, [{ cause: 'ImagePull', signalReason: 'stack_error' }])
  await judge()
  t.equal(supervisor.waitingFor('job-1'), undefined)
})

t.test('a run whose Job is not made yet, or that is being ended, is not judged', async t => {
  const early = new FakeRun('job-1')
  early.jobCreated = false
  const ending = new FakeRun('job-2')
  ending.over = true
  const { cluster, supervisor, judge } = supervised(t, new TwoFacedCluster(), [early, ending])
  await supervisor.synced()
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  cluster.watchedPods.tell('ADDED', podOf('job-2', died, { name: 'pod-2' }))
  await settle()
  await judge()
  t.equal(cluster.looks, 0)
  t.same(early.ends, [])
})

t.test('a run that ends while we look is not ended again', async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.livePods = [podOf('job-1', died)]
  cluster.getJob = async () => {
    run.over = true
    return undefined
  }
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => run.over)
  await settle()
  t.same(run.ends, [])
  t.same(cluster.deleted, [])
})

t.test("pods of others' runs change nothing", async t => {
  const { cluster, supervisor, run } = supervised(t)
  await supervisor.synced()
  cluster.watchedPods.tell('ADDED', podOf('another', died))
  await settle()
  t.equal(cluster.looks, 0)
  t.same(run.ends, [])
})

t.test('what exists is known before anything is judged', async t => {
  const cluster = new TwoFacedCluster()
  cluster.watchedJobs.items = [jobOf('job-1'), jobOf('job-2')]
  const { supervisor } = supervised(t, cluster)
  t.ok(await supervisor.synced())
  t.ok(supervisor.hasJob(nameOf('job-2')))
  t.notOk(supervisor.hasJob(nameOf('job-3')))
  t.equal(supervisor.knownJobs().length, 2)
})

t.test('a Job is finished when it is complete or failed, and not a moment before', async t => {
  t.notOk(isFinished(jobOf('x')))
  t.notOk(isFinished({}))
  t.ok(isFinished(jobOf('x', { type: 'Complete' })))
  t.ok(isFinished(jobOf('x', { type: 'Failed' })))
  t.notOk(isFinished(jobOf('x', { type: 'FailureTarget' })), 'its pods still end')
  t.notOk(isFinished({ status: { conditions: [{ type: 'Failed', status: 'False' }] } }))
})

t.test('a pod whose kubelet could not tell of its start is given time to', async t => {
  const { cluster, supervisor, run, judge, clock } = supervised(t)
  await supervisor.synced()
  const pod = withoutImage('job-1', clock.now())
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedPods.tell('ADDED', pod)
  await settle()
  cluster.failing = true
  clock.advance(5 * 60_000)
  await settle()
  t.same(run.ends, [], 'the API server is away')
  cluster.failing = false
  await judge(40)
  t.same(run.ends, [], 'what it says after that is old')
  await judge(15)
  t.match(run.ends, [{ cause: 'ImagePull' }])
})

function withoutImage(jobId: string, at: number) {
  const pod = podOf(jobId, undefined, { at })
  const waiting = { reason: 'ImagePullBackOff', message: 'the registry speaks in riddles' }
  const containerStatuses = [statusOf('container-0', { waiting })]
  return { ...pod, status: { phase: 'Pending', containerStatuses } }
}

t.test('a run that can not be looked at costs no other run its end', async t => {
  const runs = [new FakeRun('job-1'), new FakeRun('job-2')]
  const { cluster, supervisor, run, judge, clock } = supervised(t, new TwoFacedCluster(), runs)
  await supervisor.synced()
  const pod = withoutImage('job-1', clock.now())
  cluster.livePods = [pod]
  cluster.getJob = async (name?: string) => {
    if (name !== run.jobName) throw new ClusterError({ status: 403, message: 'no' })
    return jobOf('job-1')
  }
  cluster.watchedPods.tell('ADDED', pod)
  cluster.watchedPods.tell('ADDED', podOf('job-2', died, { name: 'pod-2' }))
  await judge(35)
  t.match(run.ends, [{ cause: 'ImagePull' }])
  t.same(runs[1]?.ends, [])
})

t.test('a fault of ours over one run costs no other run its end', async t => {
  const runs = [new FakeRun('job-1'), new FakeRun('job-2')]
  const { cluster, supervisor, run, judge, clock } = supervised(t, new TwoFacedCluster(), runs)
  await supervisor.synced()
  Object.defineProperty(run, 'acceptedAt', {
    get: () => {
      throw new Error('a fault of ours')
    },
  })
  const pod = podOf('job-2', undefined, { name: 'pod-2', at: clock.now() })
  const waiting = { reason: 'ImagePullBackOff', message: 'the registry speaks in riddles' }
  pod.status = { phase: 'Pending', containerStatuses: [statusOf('container-0', { waiting })] }
  cluster.liveJob = jobOf('job-2')
  cluster.livePods = [pod]
  cluster.watchedJobs.tell('ADDED', jobOf('job-1'))
  cluster.watchedPods.tell('ADDED', pod)
  await judge(35)
  t.match(runs[1]?.ends, [{ cause: 'ImagePull' }])
})

t.test('a pull that fails after minutes is borne as long as one that fails at once', async t => {
  const { cluster, supervisor, run, judge, clock } = supervised(t)
  await supervisor.synced()
  const pod = withoutImage('job-1', clock.now() - 300_000)
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  const said = { reason: 'Failed', message: 'Failed to pull image "app:1": riddles' }
  const failure = eventOf('Pod', 'pod-1', { ...said, type: 'Warning', at: clock.now() })
  const fieldPath = 'spec.containers{container-0}'
  failure.involvedObject = { ...failure.involvedObject, fieldPath }
  cluster.eventsOf.set('pod-1', [failure])
  cluster.watchedPods.tell('ADDED', pod)
  await judge(25)
  t.same(run.ends, [], 'the watch has not told of its event')
  await judge(20)
  t.match(run.ends, [{ cause: 'ImagePull' }])
})

t.test('a standby that takes over judges at once', async t => {
  const fence = { open: false }
  const { cluster, supervisor, run, judge, clock } = supervised(t, undefined, undefined, fence)
  await supervisor.synced()
  run.jobCreated = false
  await judge(60)
  fence.open = true
  await judge(1)
  run.jobCreated = true
  const pod = withoutImage('job-1', clock.now())
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedPods.tell('ADDED', pod)
  await judge(32)
  t.match(run.ends, [{ cause: 'ImagePull' }])
})

t.test('a leader that can not reach the API server judges nothing by its clock', async t => {
  const fence = { open: true }
  const { cluster, supervisor, run, judge, clock } = supervised(t, undefined, undefined, fence)
  await supervisor.synced()
  const pod = withoutImage('job-1', clock.now())
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedPods.tell('ADDED', pod)
  await judge(10)
  fence.open = false
  await judge(10)
  fence.open = true
  await judge(40)
  t.same(run.ends, [])
  await judge(10)
  t.match(run.ends, [{ cause: 'ImagePull' }])
})

t.test(
  'a run that is left to the next process keeps its Job, so that its cause is found again',
  async t => {
    const { cluster, supervisor, run } = supervised(t)
    await supervisor.synced()
    let left = false
    run.end = async () => void (left = true)
    cluster.liveJob = jobOf('job-1')
    cluster.livePods = [podOf('job-1', died)]
    cluster.watchedPods.tell('ADDED', podOf('job-1', died))
    await until(() => left)
    await settle()
    t.same([...cluster.ended, ...cluster.deleted], [], 'its deadline would look like the cause')
  },
)

t.test('a run whose pod has reported is not judged, whatever becomes of its pod', async t => {
  const { cluster, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  run.reporting = true
  cluster.livePods = [podOf('job-1', died)]
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await judge(10)
  t.equal(cluster.looks, 0)
  t.same(run.ends, [])
  t.equal(supervisor.takeMessage('job-1'), undefined)
})

t.test('a pod that reports while its last words are fetched ends its run itself', async t => {
  const { cluster, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  cluster.podLog = async () => {
    run.reporting = true
    return 'so long'
  }
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [podOf('job-1', died)]
  cluster.watchedPods.tell('ADDED', podOf('job-1', died))
  await until(() => run.reporting)
  await judge(5)
  t.same(run.ends, [])
  t.same(cluster.ended, [])
  t.equal(supervisor.takeMessage('job-1'), undefined, 'nothing is told of an end that was none')
})
