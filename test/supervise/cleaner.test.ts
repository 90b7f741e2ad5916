import type { V1Job, V1Node, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { Cleaner, type EndedRun } from '../../lib/supervise/cleaner.js'
import { endUnfinished } from '../../lib/supervise/unfinished.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { jobOf, nameOf, podOf, settle, statusOf, TwoFacedCluster } from './cluster-of.js'

interface Test {
  teardown(end: () => unknown): void
}

const gone = { terminated: { exitCode: 0, reason: 'Completed' } }

/** A cleaner of a cluster whose watches know these Jobs and pods; `runs` are known, by whether they go on. */
function cleaning(
  t: Test,
  given: { jobs?: V1Job[]; pods?: V1Pod[]; runs?: Record<string, boolean> },
) {
  const { jobs = [], pods = [], runs = {} } = given
  const cluster = new TwoFacedCluster()
  cluster.getJob = async () => {
    if (cluster.failing) throw new ClusterError({ message: 'no answer' })
    return cluster.liveJob
  }
  const clock = new HandClock()
  const stop = new AbortController()
  const jobIdOf = ({ metadata }: V1Pod) => metadata?.labels?.['buildkite.com/job-uuid']
  let mayReap = true
  const cleaner = new Cleaner({
    cluster: cluster.asCluster,
    known: {
      podOf: jobId => pods.find(pod => jobIdOf(pod) === jobId),
      jobNamed: name => jobs.find(({ metadata }) => metadata?.name === name),
      knownJobs: () => jobs,
      knownPods: () => pods,
      freshNode: name => cluster.getNode(name),
      takeMessage: () => 'Out of memory.',
    },
    owner: 'ledger.ci',
    find: jobId => (jobId in runs ? { ending: runs[jobId] ? undefined : {} } : undefined),
    mayReap: () => mayReap,
    log: silentLog(),
    clock,
  })
  const running = cleaner.run(stop.signal)
  t.teardown(() => {
    stop.abort()
    return running
  })
  const pass = async (seconds: number) => {
    await settle()
    for (let n = 0; n < seconds; n += 5) {
      clock.advance(5_000)
      await settle()
    }
  }
  return { cluster, clock, cleaner, jobs, pods, pass, forbidReaping: () => (mayReap = false) }
}

const run: EndedRun = {
  jobId: 'job-1',
  jobName: nameOf('job-1'),
  jobUid: 'uid-1',
  jobCreated: true,
  replaced: false,
  ending: { by: 'pod', exitStatus: 0 },
}

/** The pod of a run whose agent has ended while a sidecar goes on. */
function hanging(more: Partial<V1Pod['metadata']> = {}): V1Pod {
  const ended = { terminated: { exitCode: 0, finishedAt: new Date(1_000_000) } }
  const pod = podOf('job-1', gone)
  const containerStatuses = [statusOf('agent', ended), statusOf('proxy', { running: {} })]
  return {
    ...pod,
    metadata: { ...pod.metadata, ...more },
    status: { phase: 'Running', containerStatuses },
  }
}

t.test('a sidecar that hangs after the agent has ended has its Job ended, not deleted', async t => {
  const pods = [hanging()]
  const { cluster, cleaner, pass } = cleaning(t, { jobs: [jobOf('job-1')], pods })
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = pods
  await settle()
  cleaner.afterRun(run)
  await pass(10)
  t.same(cluster.ended, [], 'it may go by itself')
  await pass(10)
  t.same(cluster.ended, [nameOf('job-1')])
  await pass(40)
  t.same(cluster.ended, [nameOf('job-1')], 'its controller is given time')
  t.same(cluster.deleted, [])
  await pass(60)
  t.same(cluster.deleted, [nameOf('job-1')], 'what does not end is deleted')
})

t.test(
  'one that has gone by itself, and one that the watch is wrong about, are left alone',
  async t => {
    const pods = [hanging()]
    const { cluster, cleaner, pass } = cleaning(t, { jobs: [jobOf('job-1')], pods })
    cluster.liveJob = jobOf('job-1', { type: 'Complete' })
    cluster.livePods = [podOf('job-1', gone)]
    cleaner.afterRun(run)
    await pass(120)
    t.same([...cluster.ended, ...cluster.deleted], [])
  },
)

t.test(
  'a run whose job was given out anew, or that never had a Job, leaves nothing behind',
  async t => {
    const { cluster, cleaner, pass } = cleaning(t, {
      ...{ jobs: [jobOf('job-1')], pods: [hanging()] },
      runs: { 'job-1': true },
    })
    cluster.liveJob = jobOf('job-1')
    cluster.livePods = [hanging()]
    cleaner.afterRun({ ...run, replaced: true })
    cleaner.afterRun({ ...run, jobCreated: false })
    const later = { ...run, replaced: false as boolean }
    cleaner.afterRun(later)
    later.replaced = true
    await pass(120)
    t.same([...cluster.ended, ...cluster.deleted], [])
    t.equal(cluster.eventsMade.length, 1)
  },
)

t.test('a Job that can not be ended now is ended later', async t => {
  const pods = [hanging()]
  const { cluster, cleaner, pass } = cleaning(t, { jobs: [jobOf('job-1')], pods })
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = pods
  cluster.failing = true
  cleaner.afterRun(run)
  await pass(60)
  t.same(cluster.ended, [])
  cluster.failing = false
  await pass(10)
  t.same(cluster.ended, [nameOf('job-1')])
})

t.test('the Job is told how its run has ended, and nobody waits for that', async t => {
  const { cluster, cleaner, pass } = cleaning(t, { jobs: [jobOf('job-1')] })
  const ending = { by: 'spawner', exitStatus: 137, cause: 'OOMKilled', fault: 'job' } as const
  cleaner.afterRun({ ...run, ending })
  await settle()
  t.match(cluster.eventsMade, [
    {
      type: 'Warning',
      reason: 'OOMKilled',
      reportingComponent: 'job-spawner',
      involvedObject: {
        kind: 'Job',
        name: nameOf('job-1'),
        uid: nameOf('job-1'),
        namespace: 'jobs',
      },
    },
  ])
  t.match(
    cluster.eventsMade[0]?.message,
    /exit status 137 \(OOMKilled, the job's fault\)[^]*memory/,
  )
  cluster.createEvent = () => Promise.reject(new ClusterError({ status: 403, message: 'no' }))
  cleaner.afterRun(run)
  await pass(5)
})

t.test('a Job without a run is deleted when it has been so for a while', async t => {
  const jobs = [jobOf('orphan'), jobOf('ours'), jobOf('done', { type: 'Complete' })]
  const { cluster, pass } = cleaning(t, { jobs, runs: { ours: true } })
  cluster.liveJob = jobOf('orphan')
  await pass(8)
  t.same(cluster.deleted, [], 'its run may be about to be known')
  await pass(10)
  t.same(cluster.deleted, [nameOf('orphan')])
})

t.test('none is while a record can not be read, nor while people look into its pod', async t => {
  const world = cleaning(t, { jobs: [jobOf('job-1')] })
  world.forbidReaping()
  world.cluster.liveJob = jobOf('job-1')
  await world.pass(90)
  t.same(world.cluster.deleted, [])
  const held = hanging({ annotations: { 'job-spawner/hold-seconds': '600' } })
  const led = { name: 'proxy', env: [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }] }
  held.spec?.containers.push(led)
  const other = cleaning(t, { jobs: [jobOf('job-1')], pods: [held] })
  other.cluster.liveJob = jobOf('job-1')
  await other.pass(590)
  t.same(other.cluster.deleted, [])
  await other.pass(60)
  t.same(new Set(other.cluster.deleted), new Set([nameOf('job-1')]))
})

function nodeOf(status: string): V1Node {
  return { metadata: { name: 'node-1' }, status: { conditions: [{ type: 'Ready', status }] } }
}

t.test(
  'a pod that stays on a dead node is removed, one on a live node, or of a run, is not',
  async t => {
    const stuck = hanging({ deletionTimestamp: new Date(1_000_000) })
    const worlds: { node: string; runs: Record<string, boolean>; removed: boolean }[] = [
      { node: 'Unknown', runs: {}, removed: true },
      { node: 'Unknown', runs: { 'job-1': false }, removed: true },
      { node: 'Unknown', runs: { 'job-1': true }, removed: false },
      { node: 'True', runs: {}, removed: false },
    ]
    for (const { node, runs, removed } of worlds) {
      const { cluster, pass } = cleaning(t, { pods: [stuck], runs })
      cluster.livePods = [stuck]
      cluster.nodes.set('node-1', nodeOf(node))
      await pass(25)
      t.same(cluster.podsDeleted, [], 'its grace is hardly over')
      await pass(10)
      t.same(cluster.podsDeleted, removed ? [{ name: 'pod-1', graceSeconds: 0 }] : [])
    }
  },
)

t.test('a Job that is suspended is deleted, as no deadline ends it', async t => {
  const cluster = new TwoFacedCluster()
  cluster.liveJob = { ...jobOf('job-1'), spec: { suspend: true, template: {} } }
  await endUnfinished('buildkite-job-1', cluster.asCluster)
  t.same([cluster.ended, cluster.deleted], [[], ['buildkite-job-1']])
  cluster.liveJob = jobOf('job-1')
  await endUnfinished('buildkite-job-1', cluster.asCluster)
  t.same(cluster.ended, ['buildkite-job-1'], 'any other stays, for people to look at')
})
