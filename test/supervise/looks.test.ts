import type { V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { jobOf, nameOf, podOf, settle, supervised, TwoFacedCluster } from './cluster-of.js'

const refused = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted"'
const quota = 'Error creating: pods "x" is forbidden: exceeded quota: small'

/** A Job that has no pod. */
async function withoutPod(t: Test, message: string, cluster = new TwoFacedCluster()) {
  const world = supervised(t, cluster)
  await world.supervisor.synced()
  const name = nameOf('job-1')
  const involvedObject = { kind: 'Job', name }
  const event = { metadata: {}, involvedObject, reason: 'FailedCreate', message }
  cluster.eventsOf.set(name, [event])
  cluster.liveJob = jobOf('job-1', undefined, world.clock.now())
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  await settle()
  return world
}

t.test('a pod that a policy refuses ends the run with its words', async t => {
  const { cluster, run, judge } = await withoutPod(t, refused)
  await judge()
  t.equal(cluster.looks, 0, 'a pod may be there in a moment')
  await judge()
  t.match(run.said, [/has no pod[^]*violates PodSecurity/])
  for (let n = 0; n < 5; n++) await judge()
  t.match(run.ends, [{ cause: 'PodRefused', exitStatus: -1, signalReason: 'process_run_error' }])
  t.match(run.ends[0]?.message, refused)
  t.same(cluster.deleted, [run.jobName])
})

t.test('a pod that a quota keeps back is told of once, and waited for', async t => {
  const { cluster, run, judge } = await withoutPod(t, quota)
  for (let n = 0; n < 12 * 10; n++) await judge()
  t.same(run.ends, [])
  t.match(run.said, [/exceeded quota: small/])
  t.equal(run.said.length, 1)
  t.ok(cluster.looks <= 6, `${cluster.looks} looks in ten minutes`)
})

t.test('events that we may not read leave the run as it is', async t => {
  const cluster = new TwoFacedCluster()
  cluster.events = async () => {
    throw new ClusterError({ status: 403, message: 'no' })
  }
  const { run, judge } = await withoutPod(t, refused, cluster)
  for (let n = 0; n < 20; n++) await judge()
  t.same(run.ends, [])
  t.same(run.said, [])
})

function pending(at: number, message: string): V1Pod {
  const refusal = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }
  const pod = podOf('job-1', undefined, { at })
  return { ...pod, status: { phase: 'Pending', conditions: [refusal] } }
}

t.test('why no node takes a pod is told when it lasts, once in a while', async t => {
  const { cluster, clock, supervisor, run, judge } = supervised(t)
  await supervisor.synced()
  const at = clock.now()
  cluster.watchedJobs.tell('ADDED', jobOf('job-1', undefined, at))
  cluster.watchedPods.tell('ADDED', pending(at, '0/1 nodes: too little cpu'))
  await settle()
  await judge()
  t.same(run.said, [], 'a node may be free in a moment')
  for (let n = 0; n < 5; n++) await judge()
  t.match(run.said, [/0\/1 nodes: too little cpu/])
  for (let nodes = 2; nodes < 14; nodes++) {
    cluster.watchedPods.tell('MODIFIED', pending(at, `0/${nodes} nodes: too little cpu`))
    await settle()
    await judge()
  }
  t.ok(run.said.length <= 3, `${run.said.length} lines`)
  t.equal(cluster.looks, 0, 'the watch knows it')
})
