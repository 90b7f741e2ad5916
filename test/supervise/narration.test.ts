import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import {
  eventOf,
  FakeRun,
  jobOf,
  podOf,
  settle,
  supervised,
  TwoFacedCluster,
} from './cluster-of.js'

/** A pod that no node takes. */
function pending(at: number, message: string): V1Pod {
  const refusal = {
    ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
    lastTransitionTime: new Date(at),
  }
  const pod = podOf('job-1', undefined, { at })
  const { nodeName: _, ...spec } = pod.spec ?? { containers: [] }
  return { ...pod, spec, status: { phase: 'Pending', conditions: [refusal] } }
}

async function waiting(t: Parameters<typeof supervised>[0], run = new FakeRun('job-1')) {
  const world = supervised(t, new TwoFacedCluster(), [run])
  await world.supervisor.synced()
  const { cluster, clock } = world
  cluster.liveJob = jobOf('job-1', undefined, clock.now())
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  cluster.watchedPods.tell('ADDED', pending(clock.now(), '0/1 nodes: too little cpu'))
  await settle()
  return world
}

t.test('a job that waits is told why, in Kubernetes’ words, and a quick one nothing', async t => {
  const { cluster, run, judge } = await waiting(t)
  await judge(4)
  t.same(run.said, [], 'a node may be free in a moment')
  await judge(30)
  t.match(run.said.join('\n'), /Kubernetes says \(\w+\): 0\/1 nodes: too little cpu/)
  const lines = run.said.length
  await judge(30)
  t.ok(run.said.length - lines <= 1, 'what was told is not told again')
  t.equal(cluster.looks, 0, 'the watch knows it')
})

t.test("the scheduler's ever new words are not ever new lines", async t => {
  const { cluster, run, judge, clock } = await waiting(t)
  for (let nodes = 2; nodes < 14; nodes++) {
    const words = `0/${nodes} nodes: too little cpu`
    cluster.watchedPods.tell('MODIFIED', pending(clock.now(), words))
    await judge(5)
  }
  t.ok(run.said.length <= 6, `${run.said.length} lines in a minute`)
})

t.test('what events say of a pod is told, with secrets taken out', async t => {
  const run = new FakeRun('job-1')
  run.env = { DEPLOY_TOKEN: 's3cr3t-s3cr3t' }
  const { cluster, judge, clock } = await waiting(t, run)
  const said = { reason: 'FailedScheduling', message: 'no place for s3cr3t-s3cr3t' }
  const event = eventOf('Pod', 'pod-1', { ...said, type: 'Warning', at: clock.now() })
  cluster.watchedEvents.tell('ADDED', event)
  await judge(20)
  t.ok(run.said.length > 0)
  t.notMatch(run.said.join('\n'), /s3cr3t-s3cr3t/)
})

t.test('what people see at /status has no secrets either', async t => {
  const run = new FakeRun('job-1')
  run.env = { DEPLOY_TOKEN: 'little cpu' }
  const { judge, supervisor } = await waiting(t, run)
  await judge(1)
  t.match(supervisor.waitingFor('job-1'), /0\/1 nodes: too \[REDACTED\]/, 'before a line is told')
  await judge(10)
  t.match(supervisor.waitingFor('job-1'), /0\/1 nodes: too \[REDACTED\]/)
})

t.test('a log that can not be written to holds nothing up', async t => {
  const run = new FakeRun('job-1')
  let asked = 0
  run.say = () => {
    asked += 1
    return Promise.reject(new Error('no answer'))
  }
  const { judge } = await waiting(t, run)
  await judge(30)
  t.ok(asked > 0)
  t.same(run.ends, [])
})

t.test('a process that takes over does not tell again what was told long ago', async t => {
  const run = new FakeRun('job-1')
  const at = run.acceptedAt
  run.acceptedAt -= 600_000
  const world = supervised(t, new TwoFacedCluster(), [run])
  const { cluster, supervisor, judge } = world
  await supervisor.synced()
  cluster.watchedJobs.tell('ADDED', jobOf('job-1', undefined, at - 600_000))
  cluster.watchedPods.tell('ADDED', pending(at - 500_000, '0/1 nodes: too little cpu'))
  const old = eventOf('Pod', 'pod-1', {
    ...{ reason: 'FailedScheduling', message: '0/1 nodes: too little cpu', type: 'Warning' },
    at: at - 400_000,
  })
  cluster.watchedEvents.tell('ADDED', old)
  await judge(30)
  t.notMatch(run.said.join('\n'), /too little cpu/)
})
