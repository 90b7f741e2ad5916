import type { V1Job, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { isFirstPod, PodBinding } from '../../lib/run/pod-binding.js'
import { addressesOfPod, runOfPod } from '../../lib/run/run-of-pod.js'
import { labels } from '../../lib/pod/metadata.js'
import { contextOf, jobId, name, runAt } from './run-of.js'

function binding(given: { uid?: string; restored?: boolean; isFirst?: () => Promise<boolean> }) {
  const bound: string[] = []
  const { uid, restored = false, isFirst = async () => true } = given
  const made = new PodBinding({ uid, restored, isFirst, onBound: one => void bound.push(one) })
  return { made, bound }
}

t.test('the first pod has the run, for good', async t => {
  const { made, bound } = binding({})
  t.notOk(made.proven('a'), 'nobody can have a token yet')
  t.equal(await made.bind('a'), 'bound')
  t.equal(await made.bind('b'), 'taken')
  t.equal(await made.bind('a'), 'bound', 'it may register again')
  t.ok(made.proven('a'))
  t.notOk(made.proven('b'))
  t.same(bound, ['a'])
})

t.test('after a restart the ledger may know it, or a token that nobody else was given', async t => {
  const known = binding({ uid: 'a', restored: true }).made
  t.equal(await known.bind('b'), 'taken')
  t.ok(known.proven('a'))
  const { made, bound } = binding({ restored: true })
  t.ok(made.proven('a'))
  t.equal(await made.bind('b'), 'taken')
  t.notOk(made.proven('b'))
  t.same(bound, ['a'])
})

t.test('else the cluster must say that the Job has had no other pod', async t => {
  t.equal(await binding({ restored: true }).made.bind('a'), 'bound')
  const second = binding({ restored: true, isFirst: async () => false }).made
  t.equal(await second.bind('a'), 'taken')
  const away = () => Promise.reject(new ClusterError({ message: 'no answer' }))
  await t.rejects(binding({ restored: true, isFirst: away }).made.bind('a'), {
    message: 'no answer',
  })
})

t.test('a token that proves itself while the cluster is asked comes first', async t => {
  let answer = (_: boolean) => {}
  const isFirst = () => new Promise<boolean>(resolve => (answer = resolve))
  const { made } = binding({ restored: true, isFirst })
  const binds = made.bind('b')
  t.ok(made.proven('a'))
  answer(true)
  t.equal(await binds, 'taken')
})

const pod = (uid: string): V1Pod => ({ metadata: { name: uid, uid } })

t.test('a pod is the first one when no other is there, and none has been counted', async t => {
  const { cluster } = contextOf(t)
  const first = (job: V1Job | undefined, ...pods: V1Pod[]) => {
    cluster.pods = pods
    if (job) cluster.jobs.set(name, job)
    else cluster.jobs.delete(name)
    return isFirstPod(name, 'a', cluster.asCluster)
  }
  t.ok(await first({}, pod('a')))
  t.ok(await first({ status: { active: 1, failed: 0, uncountedTerminatedPods: {} } }, pod('a')))
  t.notOk(await first({}, pod('a'), pod('b')))
  t.notOk(await first({}, pod('b')))
  t.notOk(await first(undefined, pod('a')), 'a Job that is gone says nothing')
  for (const status of [
    { failed: 1 },
    { succeeded: 1 },
    { terminating: 1 },
    { uncountedTerminatedPods: { failed: ['x'] } },
    { uncountedTerminatedPods: { succeeded: ['x'] } },
  ]) {
    t.notOk(await first({ status }, pod('a')), JSON.stringify(status))
  }
})

t.test('a run is that of the pods which its Job made, and of no others', async t => {
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, 'http://upstream')
  context.runs.add(run)
  cluster.jobs.set(name, { metadata: { uid: 'job-uid' } })
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name, uid: 'job-uid', controller: true }
  const usual = {
    metadata: {
      name: 'p',
      uid: 'a',
      labels: { [labels.jobUuid]: jobId },
      ownerReferences: [owner],
    },
    status: { phase: 'Running', podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd::1' }] },
  }
  const found = (changed: V1Pod) => {
    cluster.pods = [changed]
    return runOfPod({ name: 'p', uid: 'a' }, { cluster: cluster.asCluster, runs: context.runs })
  }
  t.equal(await found(usual), run)
  t.equal(run.jobUid, 'job-uid', 'learned on the way')
  const { metadata } = usual
  const others: [string, V1Pod][] = [
    ['another of that name', { ...usual, metadata: { ...metadata, uid: 'b' } }],
    ['one that is over', { ...usual, status: { phase: 'Failed' } }],
    ['without an owner', { ...usual, metadata: { ...metadata, ownerReferences: [] } }],
    ...[{ uid: 'x' }, { kind: 'ReplicaSet' }, { name: 'another' }, { controller: false }].map(
      (change): [string, V1Pod] => [
        JSON.stringify(change),
        { ...usual, metadata: { ...metadata, ownerReferences: [{ ...owner, ...change }] } },
      ],
    ),
    ["another job's label", { ...usual, metadata: { ...metadata, labels: {} } }],
  ]
  for (const [what, other] of others) t.equal(await found(other), undefined, what)
  cluster.pods = []
  t.equal(await runOfPod({ name: 'p', uid: 'a' }, { ...context }), undefined, 'none at all')
})

t.test("a pod's addresses are what the API server gives now", async t => {
  const { cluster } = contextOf(t)
  cluster.pods = [
    {
      metadata: { name: 'p', uid: 'a' },
      status: {
        podIP: '10.0.0.1',
        podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd::1' }],
        hostIP: '192.168.0.1',
        hostIPs: [{ ip: '192.168.0.1' }],
      },
    },
  ]
  t.same(await addressesOfPod({ name: 'p', uid: 'a' }, cluster.asCluster), {
    pod: ['10.0.0.1', 'fd::1'],
    node: ['192.168.0.1'],
  })
  const none = { pod: [], node: [] }
  t.same(await addressesOfPod({ name: 'p', uid: 'b' }, cluster.asCluster), none)
})
