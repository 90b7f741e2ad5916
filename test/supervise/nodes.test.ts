import type { V1Node, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { isQuiet, needsNode } from '../../lib/supervise/attention.js'
import { isNotReady } from '../../lib/supervise/node-looks.js'
import { jobOf, podOf, statusOf, supervised } from './cluster-of.js'

const runs = { running: {} }

function nodeOf(status: string): V1Node {
  const ready = { type: 'Ready', status, reason: 'NodeStatusUnknown', message: 'Kubelet stopped' }
  return { metadata: { name: 'node-1' }, status: { conditions: [ready] } }
}

function withReady(status: string): V1Pod {
  const pod = podOf('job-1', runs)
  return { ...pod, status: { ...pod.status, conditions: [{ type: 'Ready', status }] } }
}

/** A run whose agent has called once, on a pod that is not ready any more. */
async function onNode(t: Parameters<typeof supervised>[0], node: V1Node) {
  const world = supervised(t)
  const { cluster, supervisor, run, clock, judge } = world
  await supervisor.synced()
  cluster.nodes.set('node-1', node)
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [withReady('False')]
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  await judge(20)
  run.podCalledAt = clock.now()
  cluster.watchedPods.tell('ADDED', withReady('False'))
  return world
}

t.test('a node that is not ready and an agent that is silent end the run', async t => {
  const { cluster, run, judge } = await onNode(t, nodeOf('Unknown'))
  await judge(7)
  t.equal(cluster.nodeLooks, 0, 'an agent that calls needs no look at its node')
  await judge(4)
  t.same(run.ends, [], 'it may call again')
  await judge(4)
  t.match(run.ends, [{ cause: 'NodeLost', fault: 'cluster', signalReason: 'agent_stop' }])
  t.match(run.ends[0]?.message, /node-1[^]*Kubelet stopped/)
})

t.test('an agent that calls from a node that is not ready goes on', async t => {
  const { cluster, run, judge, clock } = await onNode(t, nodeOf('Unknown'))
  for (let n = 0; n < 30; n++) {
    run.podCalledAt = clock.now()
    await judge(4)
  }
  t.same(run.ends, [])
  t.equal(cluster.nodeLooks, 0)
})

t.test('an agent that is silent on a node that is ready goes on', async t => {
  const { cluster, run, judge } = await onNode(t, nodeOf('True'))
  await judge(60)
  t.same(run.ends, [])
  t.ok(cluster.nodeLooks > 0)
  t.ok(cluster.nodeLooks <= 20, `${cluster.nodeLooks} looks in a minute`)
})

t.test('nodes that we may not read are no cause, and are asked for no more', async t => {
  const { cluster, run, judge } = await onNode(t, nodeOf('Unknown'))
  let asked = 0
  cluster.getNode = () => {
    asked += 1
    return Promise.reject(new ClusterError({ status: 403, message: 'no' }))
  }
  await judge(120)
  t.equal(asked, 1)
  t.same(run.ends, [])
})

t.test('nobody is silent while we could not be reached', async t => {
  const { run, judge, clock } = await onNode(t, nodeOf('Unknown'))
  clock.advance(60_000)
  await judge(10)
  t.same(run.ends, [], 'we have stood still for a minute ourselves')
  run.podCalledAt = clock.now()
  await judge(8)
  t.same(run.ends, [])
})

t.test(
  'an agent whose call hangs with an earlier process is not silent before it gives it up',
  async t => {
    const { run, judge } = await onNode(t, nodeOf('Unknown'))
    run.podCalledAt = undefined
    await judge(45)
    t.same(run.ends, [])
    await judge(10)
    t.match(run.ends, [{ cause: 'NodeLost' }])
  },
)

t.test('a pod is quiet when all of it runs and it is ready', async t => {
  t.ok(isQuiet(podOf('job-1', runs)))
  t.notOk(isQuiet(undefined))
  t.notOk(isQuiet(withReady('False')))
  t.notOk(isQuiet(podOf('job-1', undefined)))
  const dying = podOf('job-1', runs)
  t.notOk(isQuiet({ ...dying, metadata: { ...dying.metadata, deletionTimestamp: new Date(0) } }))
  const half = podOf('job-1', runs)
  half.status?.containerStatuses?.push(statusOf('container-0', { terminated: { exitCode: 0 } }))
  t.notOk(isQuiet(half))
})

t.test('a node is asked for when its pod is not ready and nothing is heard of it', async t => {
  const now = 100_000
  const pod = withReady('False')
  t.notOk(needsNode(podOf('job-1', runs), { agentSilentMs: 60_000, now }))
  t.notOk(needsNode(pod, { agentSilentMs: 7_000, now }))
  t.ok(needsNode(pod, { agentSilentMs: 8_000, now }))
  t.notOk(needsNode({ ...pod, spec: { containers: [] } }, { agentSilentMs: 60_000, now }))
  const scheduled = (at: number) => {
    const lastTransitionTime = new Date(at)
    const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime }
    return { ...pod, status: { conditions: [condition] } }
  }
  t.notOk(needsNode(scheduled(now - 10_000), { agentSilentMs: undefined, now }))
  t.ok(needsNode(scheduled(now - 20_000), { agentSilentMs: undefined, now }))
})

t.test('a node of which nothing is known is not known to be dead', async t => {
  t.notOk(isNotReady(undefined))
  t.notOk(isNotReady({}))
  t.notOk(isNotReady(nodeOf('True')))
  t.ok(isNotReady(nodeOf('False')))
  t.ok(isNotReady(nodeOf('Unknown')))
})
