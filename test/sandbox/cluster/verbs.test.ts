import type { CoreV1Event, V1Job } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { systemClock } from '../../../lib/clock.js'
import { connectCluster } from '../../../lib/cluster/cluster.js'
import { silentLog } from '../../../lib/log.js'
import { fakeGateway } from '../pod-agent/fake-gateway.js'
import { jobManifest } from '../pod-agent/manifests.js'
import { clusterFor, until } from './client.js'

const namespace = 'default'

/** The embedded cluster, and the program's own way to speak to it. */
async function world(t: Test) {
  const all = await clusterFor(t)
  const ours = connectCluster({
    kubeConfig: all.config,
    namespace,
    ledgerNamespace: namespace,
    log: silentLog(),
    clock: systemClock,
  })
  t.teardown(() => ours.close())
  return { ...all, ours }
}

async function running(t: Test) {
  const gateway = await fakeGateway()
  t.teardown(() => gateway.close())
  const all = await world(t)
  const manifest = jobManifest({ endpoint: gateway.url, commands: ['sleep 600'] })
  await all.ours.createJob(manifest)
  await gateway.logged('$ sleep')
  return { ...all, gateway, job: () => all.cluster.objects('jobs')[0] as V1Job }
}

t.test('a Job that is ended stays, its pod does not', async t => {
  const { ours, cluster, gateway, job } = await running(t)
  await ours.endJob('run-1')
  await until(() => job().status?.conditions?.some(({ type }) => type === 'Failed') ?? false)
  t.match(job().status?.conditions?.at(-1), { type: 'Failed', reason: 'DeadlineExceeded' })
  await until(() => cluster.objects('pods').length === 0)
  t.match(gateway.json('PUT finish'), { signal_reason: 'agent_stop' }, 'its agent had its grace')
  t.match(cluster.writes.at(-1), { verb: 'update', kind: 'Job' })
  await ours.endJob('run-1')
  await ours.endJob('no-such-job')
})

t.test('a patch changes what it names, and takes away what is null in it', async t => {
  const { ours, cluster, core, job } = await running(t)
  const image = job().spec?.template.spec?.containers[0]?.image
  await ours.endJob('run-1')
  t.equal(job().spec?.activeDeadlineSeconds, 1)
  t.equal(job().spec?.template.spec?.containers[0]?.image, image)
  const body = [{ op: 'add', path: '/data', value: {} }]
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'c' } } })
  await t.rejects(core.patchNamespacedConfigMap({ namespace, name: 'c', body }), { code: 415 })
  t.equal(cluster.objects('configmaps', namespace).length, 1)
})

t.test('events tell of a pod as a kubelet and a scheduler do, and of its Job', async t => {
  const { cluster, ours } = await running(t)
  const events = () => cluster.objects('events', namespace) as CoreV1Event[]
  const started = (name: string) =>
    events().some(
      ({ reason, involvedObject }) =>
        reason === 'Started' && involvedObject.fieldPath === `spec.containers{${name}}`,
    )
  await until(() => started('agent') && started('container-0'))
  const [first] = await ours.events('run-1')
  t.match(first, {
    reason: 'SuccessfulCreate',
    involvedObject: { kind: 'Job', apiVersion: 'batch/v1' },
    reportingComponent: 'job-controller',
  })
  const told = events()
    .filter(({ involvedObject }) => involvedObject.kind === 'Pod')
    .map(({ reason }) => reason)
  for (const reason of ['Scheduled', 'Pulled', 'Created', 'Started'])
    t.ok(told.includes(reason), reason)
})

t.test('events of ours are made, listed and watched', async t => {
  const { ours } = await world(t)
  const stop = new AbortController()
  const source = ours.watchEvents()
  const { resourceVersion } = await source.list({ limit: 10 })
  const watched = await source.watch({ resourceVersion, timeoutSeconds: 60 }, stop.signal)
  const involvedObject = { kind: 'Job', name: 'j', uid: 'u', namespace }
  const metadata = { name: 'j.1', namespace }
  const said = { reason: 'OOMKilled', message: 'too little memory', type: 'Warning' }
  await ours.createEvent({ metadata, involvedObject, ...said, lastTimestamp: new Date(0) })
  for await (const { type, object } of watched) {
    t.match({ type, object }, { type: 'ADDED', object: { ...said, involvedObject } })
    t.same(object.lastTimestamp, new Date(0))
    break
  }
  stop.abort()
  t.equal((await ours.events('j')).length, 1)
  const elsewhere = { metadata: { name: 'j.2', namespace }, involvedObject: { namespace: 'kube' } }
  await t.rejects(ours.createEvent(elsewhere), { name: 'ClusterError', status: 422 })
})

t.test('nodes and Jobs are found by what they are called', async t => {
  const { ours } = await running(t)
  t.match(await ours.getNode('sandbox'), { status: { conditions: [{ type: 'Ready' }] } })
  t.equal(await ours.getNode('elsewhere'), undefined)
  t.match(await ours.listJobs('!somewhere'), [{ metadata: { name: 'run-1' } }])
  t.same(await ours.listJobs('somewhere=else'), [])
})
