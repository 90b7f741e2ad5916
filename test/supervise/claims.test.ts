import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { isClaimLookDue, seeClaims } from '../../lib/supervise/claims.js'
import { eventOf, jobOf, podOf, settle, supervised, TwoFacedCluster } from './cluster-of.js'

const noClass = 'no persistent volumes available for this claim and no storage class is set'

/** A pod that no node takes, with one ephemeral volume. */
function unscheduled(at: number, volumes: object[] = [ephemeral]): V1Pod {
  const pod = podOf('job-1', undefined, { at })
  const refusal = { type: 'PodScheduled', status: 'False', message: 'unbound claims' }
  return {
    ...pod,
    spec: { containers: [], volumes: volumes as { name: string }[] },
    status: { phase: 'Pending', conditions: [refusal] },
  }
}

const ephemeral = { name: 'workspace', ephemeral: {} }

function withClaim(cluster: TwoFacedCluster, event: { reason: string; message: string }) {
  const name = 'pod-1-workspace'
  const involvedObject = { kind: 'PersistentVolumeClaim', name }
  cluster.claims.set(name, { metadata: { name }, status: { phase: 'Pending' } })
  cluster.eventsOf.set(name, [{ metadata: {}, involvedObject, ...event }])
}

async function waitingFor(
  t: Parameters<typeof supervised>[0],
  event: Parameters<typeof withClaim>[1],
) {
  const world = supervised(t)
  const { cluster, supervisor, clock } = world
  await supervisor.synced()
  withClaim(cluster, event)
  cluster.liveJob = jobOf('job-1', undefined, clock.now())
  cluster.livePods = [unscheduled(clock.now())]
  cluster.watchedJobs.tell('ADDED', cluster.liveJob)
  cluster.watchedPods.tell('ADDED', unscheduled(clock.now()))
  await settle()
  return world
}

t.test('a claim that can not have storage ends the run after its grace', async t => {
  const { cluster, run, judge } = await waitingFor(t, { reason: 'FailedBinding', message: noClass })
  await judge(9)
  t.equal(cluster.claimLooks, 0, 'nobody looks before it could mean anything')
  t.same(run.ends, [])
  await judge(3)
  t.match(run.ends, [{ cause: 'VolumeClaim', signalReason: 'process_run_error' }])
  t.match(run.ends[0]?.message, noClass)
  t.same(cluster.ended, [run.jobName])
})

t.test('what may pass is told, and looked at less and less often', async t => {
  const busy = { reason: 'ProvisioningFailed', message: 'the cloud is busy' }
  const { cluster, run, judge, supervisor } = await waitingFor(t, busy)
  await judge(600)
  t.same(run.ends, [])
  t.match(supervisor.waitingFor('job-1'), /Volume workspace has no storage[^]*the cloud is busy/)
  t.ok(cluster.claimLooks <= 8, `${cluster.claimLooks} looks in ten minutes`)
})

t.test('an event about a claim is a reason to look at it', async t => {
  const busy = { reason: 'ProvisioningFailed', message: 'the cloud is busy' }
  const { cluster, run, judge, clock } = await waitingFor(t, busy)
  await judge(12)
  t.equal(cluster.claimLooks, 1)
  const final = { reason: 'FailedBinding', message: noClass }
  withClaim(cluster, final)
  const news = { ...final, at: clock.now() }
  cluster.watchedEvents.tell('ADDED', eventOf('PersistentVolumeClaim', 'pod-1-workspace', news))
  await judge(4)
  t.match(run.ends, [{ cause: 'VolumeClaim' }])
})

t.test('a pod without claims, and one that has a node, are not looked at', async t => {
  const due = (pod: V1Pod, now: number) => isClaimLookDue(pod, undefined, { now, news: '' })
  t.notOk(due(unscheduled(0, [{ name: 'a', emptyDir: {} }]), 60_000))
  t.notOk(due({ ...unscheduled(0), status: { phase: 'Pending' } }, 60_000))
  t.ok(due(unscheduled(0), 60_000))
  t.notOk(due(unscheduled(0), 9_000))
  const last = { at: 60_000, news: 'old' }
  t.notOk(isClaimLookDue(unscheduled(0), last, { now: 61_000, news: 'new' }))
  t.ok(isClaimLookDue(unscheduled(0), last, { now: 62_000, news: 'new' }))
  t.notOk(isClaimLookDue(unscheduled(0), last, { now: 119_000, news: 'old' }))
  t.ok(isClaimLookDue(unscheduled(0), last, { now: 120_000, news: 'old' }))
})

t.test('a claim that we may not read is left out, another refusal is not passed over', async t => {
  const cluster = new TwoFacedCluster()
  const context = { cluster: cluster.asCluster, log: silentLog() }
  const forbidden = new ClusterError({ status: 403, message: 'forbidden' })
  cluster.getClaim = () => Promise.reject(forbidden)
  t.same(await seeClaims(unscheduled(0), context), [])
  cluster.getClaim = () => Promise.reject(new ClusterError({ status: 503, message: 'busy' }))
  await t.rejects(seeClaims(unscheduled(0), context), { message: 'busy' })
})

t.test('a pod with many claims is asked about in few calls', async t => {
  const cluster = new TwoFacedCluster()
  const volumes = Array.from({ length: 30 }, (_, n) => ({ name: `v${n}`, ephemeral: {} }))
  await seeClaims(unscheduled(0, volumes), { cluster: cluster.asCluster, log: silentLog() })
  t.equal(cluster.claimLooks, 8)
  t.same(await seeClaims(undefined, { cluster: cluster.asCluster, log: silentLog() }), [])
})
