import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { ClaimLooks, seeClaims } from '../../lib/supervise/claims.js'
import { jobOf, podOf, settle, supervised, TwoFacedCluster } from './cluster-of.js'

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
  await judge()
  t.equal(cluster.claimLooks, 0, 'nobody looks before it could mean anything')
  t.same(run.ends, [])
  await judge()
  t.match(run.ends, [{ cause: 'VolumeClaim', signalReason: 'process_run_error' }])
  t.match(run.ends[0]?.message, noClass)
  t.same(cluster.deleted, [run.jobName])
})

t.test('what may pass is told once, and looked at less and less often', async t => {
  const busy = { reason: 'ProvisioningFailed', message: 'the cloud is busy' }
  const { cluster, run, judge } = await waitingFor(t, busy)
  for (let n = 0; n < 12 * 10; n++) await judge()
  t.same(run.ends, [])
  t.equal(run.said.length, 1)
  t.match(run.said, [/Volume workspace has no storage[^]*the cloud is busy/])
  t.equal(cluster.claimLooks, 6, 'in ten minutes')
  withClaim(cluster, { ...busy, message: 'the cloud is full' })
  for (let n = 0; n < 12 * 5; n++) await judge()
  t.match(run.said, [/busy/, /full/])
})

t.test('a pod without claims, and one that has a node, are not looked at', async t => {
  const looks = new ClaimLooks()
  t.notOk(looks.dueFor(unscheduled(0, [{ name: 'a', emptyDir: {} }]), 60_000))
  t.notOk(looks.dueFor({ ...unscheduled(0), status: { phase: 'Pending' } }, 60_000))
  t.ok(looks.dueFor(unscheduled(0), 60_000))
  t.notOk(looks.dueFor(unscheduled(0), 61_000))
  looks.forget(unscheduled(0))
  t.ok(looks.dueFor(unscheduled(0), 61_000))
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
