import t, { type Test } from 'tap'
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import { fakeGateway } from '../pod-agent/fake-gateway.js'
import { jobManifest } from '../pod-agent/manifests.js'
import { clusterFor, podWhen, until } from './client.js'

const namespace = 'default'

async function run(test: Test, options: Parameters<typeof jobManifest>[0], jobEnv = {}) {
  const gateway = await fakeGateway(jobEnv)
  test.teardown(() => gateway.close())
  const all = await clusterFor(test)
  const body = jobManifest({ endpoint: gateway.url, ...options })
  await all.batch.createNamespacedJob({ namespace, body })
  const ended = () =>
    podWhen(all.cluster, pod => ['Succeeded', 'Failed'].includes(pod.status?.phase ?? ''))
  const job = () => all.cluster.objects('jobs')[0] as V1Job
  return { ...all, gateway, ended, job }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

t.test('a Job becomes a pod whose command runs here, and both are complete at the end', async t => {
  const { gateway, ended, job, core } = await run(t, { commands: ['echo hello; echo oops >&2'] })
  const pod = await ended()
  t.match(pod.metadata?.name, /^run-1-[a-z0-9]{5}$/)
  t.match(pod.metadata?.labels, {
    app: 'test',
    'job-name': 'run-1',
    'batch.kubernetes.io/job-name': 'run-1',
  })
  t.equal(pod.status?.phase, 'Succeeded')
  const exits = pod.status?.containerStatuses?.map(s => [s.name, s.state?.terminated?.exitCode])
  t.same(exits, [
    ['agent', 0],
    ['container-0', 0],
  ])
  t.match(gateway.log(), /~~~ Running commands\n\$ echo hello; echo oops >&2\nhello\noops\n/)
  await until(() => job().status?.succeeded === 1)
  t.match(job().status?.conditions, [
    { type: 'SuccessCriteriaMet' },
    { type: 'Complete', status: 'True' },
  ])
  const name = pod.metadata?.name ?? ''
  const tail = await core.readNamespacedPodLog({
    namespace,
    name,
    container: 'container-0',
    tailLines: 1,
  })
  t.equal(tail, 'oops\n')
  await t.rejects(core.readNamespacedPodLog({ namespace, name }), { code: 400 })
})

t.test(
  'a command that fails fails the pod with its exit code, and the Job with its back-off limit',
  async t => {
    const { gateway, ended, job } = await run(t, { commands: ['exit 7', 'echo never'] })
    const pod = await ended()
    t.equal(pod.status?.phase, 'Failed')
    t.equal(pod.status?.containerStatuses?.[1]?.state?.terminated?.exitCode, 7)
    t.match(gateway.json('PUT finish'), { exit_status: '7', chunks_failed_count: 0 })
    t.notMatch(gateway.log(), /\nnever/)
    await until(() => job().status?.conditions?.some(({ type }) => type === 'Failed') ?? false)
    t.match(job().status, {
      failed: 1,
      conditions: [{ type: 'FailureTarget' }, { type: 'Failed', reason: 'BackoffLimitExceeded' }],
    })
  },
)

t.test(
  'deleting a pod lets the agent stop its command and finish the job, and then removes it',
  async t => {
    const { cluster, core, gateway } = await run(t, { commands: ['echo pid=$$; sleep 600'] })
    await gateway.logged('pid=')
    const pid = Number(/pid=(\d+)/.exec(gateway.log())?.[1])
    const pod = await podWhen(cluster, each => each.status?.phase === 'Running')
    const name = pod.metadata?.name ?? ''
    const answer = await core.deleteNamespacedPod({ namespace, name })
    t.ok(answer.metadata?.deletionTimestamp)
    await until(() => cluster.objects('pods').length === 0)
    t.match(gateway.json('PUT finish'), { exit_status: '-1', signal_reason: 'agent_stop' })
    t.equal(gateway.names().at(-1), 'POST disconnect')
    t.notOk(alive(pid))
  },
)

t.test('a forced delete removes the pod at once and kills everything that it runs', async t => {
  const { cluster, gateway } = await run(t, {
    commands: ['sleep 600 & echo pid=$$ child=$!; trap "" TERM; wait; sleep 600'],
  })
  await gateway.logged('child=')
  const pids = [...(/pid=(\d+) child=(\d+)/.exec(gateway.log())?.slice(1) ?? [])].map(Number)
  t.equal(pids.filter(alive).length, 2)
  const pod = await podWhen(cluster)
  cluster.deletePod(namespace, pod.metadata?.name ?? '', { force: true })
  t.same(cluster.objects('pods'), [])
  await until(() => !pids.some(alive))
  t.notOk(gateway.names().includes('PUT finish'))
})

t.test('deleting a Job in the background deletes its pod', async t => {
  const { cluster, batch, gateway } = await run(t, { commands: ['sleep 600'] })
  await gateway.logged('$ sleep')
  const done = await batch.deleteNamespacedJob({
    namespace,
    name: 'run-1',
    propagationPolicy: 'Background',
  })
  t.equal(done.status, 'Success')
  t.same(cluster.objects('jobs'), [])
  await until(() => cluster.objects('pods').length === 0)
  t.match(gateway.json('PUT finish'), { signal_reason: 'agent_stop' })
})

t.test('a finished Job and its pod are removed after their time to live', async t => {
  const { cluster, gateway } = await run(t, { spec: { ttlSecondsAfterFinished: 0 } })
  await gateway.seen('POST disconnect')
  await until(() => cluster.objects('jobs').length === 0)
  await until(() => cluster.objects('pods').length === 0)
})

t.test('a Job that runs past its deadline fails, and its pod is deleted', async t => {
  const { cluster, job } = await run(t, {
    commands: ['sleep 600'],
    spec: { activeDeadlineSeconds: 1 },
  })
  await until(() => job().status?.conditions?.some(({ type }) => type === 'Failed') ?? false)
  t.match(job().status?.conditions?.at(-1), { type: 'Failed', reason: 'DeadlineExceeded' })
  await until(() => cluster.objects('pods').length === 0)
})

t.test('an image that is not there keeps its container waiting while the agent runs', async t => {
  const { cluster, gateway, core } = await run(t, { image: 'missing/tool:1' })
  const waiting = (pod: V1Pod) => pod.status?.containerStatuses?.[1]?.state?.waiting?.reason
  const pod = await podWhen(cluster, each => waiting(each) === 'ImagePullBackOff')
  t.equal(pod.status?.phase, 'Pending')
  await gateway.seen('PUT start')
  const name = pod.metadata?.name ?? ''
  const events = await core.listNamespacedEvent({
    namespace,
    fieldSelector: `involvedObject.name=${name}`,
  })
  t.ok(events.items.some(({ reason }) => reason === 'BackOff'))
  cluster.deletePod(namespace, name)
  await until(() => cluster.objects('pods').length === 0)
})

t.test(
  'an image with a broken name, and a missing Secret, keep their containers waiting',
  async t => {
    const { cluster, batch } = await clusterFor(t)
    const secret = { name: 'KEY', valueFrom: { secretKeyRef: { name: 'none', key: 'key' } } }
    await batch.createNamespacedJob({ namespace, body: jobManifest({ image: 'Not An Image' }) })
    const reason = (pod: V1Pod) => pod.status?.containerStatuses?.[1]?.state?.waiting?.reason
    await podWhen(cluster, pod => reason(pod) === 'InvalidImageName')
    await batch.createNamespacedJob({
      namespace,
      body: jobManifest({ name: 'run-2', env: [secret] }),
    })
    const pod = await podWhen(cluster, each => reason(each) === 'CreateContainerConfigError')
    t.equal(pod.status?.containerStatuses?.[1]?.state?.waiting?.message, 'secret "none" not found')
  },
)

t.test('a pod that no node takes stays pending and says so', async t => {
  const { cluster, batch } = await clusterFor(t)
  const body = jobManifest({})
  const spec = body.spec?.template.spec
  if (spec) spec.nodeSelector = { disk: 'ssd' }
  await batch.createNamespacedJob({ namespace, body })
  const pod = await podWhen(cluster, each => each.status?.conditions !== undefined)
  t.match(pod.status?.conditions, [
    { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
  ])
  cluster.deletePod(namespace, pod.metadata?.name ?? '')
  t.same(
    cluster.objects('pods').filter(each => (each as V1Pod).metadata?.uid === pod.metadata?.uid),
    [],
  )
})

t.test('close ends the processes of pods that still run', async t => {
  const gateway = await fakeGateway()
  t.teardown(() => gateway.close())
  const { cluster, batch } = await clusterFor(t)
  const body = jobManifest({ endpoint: gateway.url, commands: ['echo pid=$$; sleep 600'] })
  await batch.createNamespacedJob({ namespace, body })
  await gateway.logged('pid=')
  const pid = Number(/pid=(\d+)/.exec(gateway.log())?.[1])
  t.ok(alive(pid))
  await cluster.close()
  await until(() => !alive(pid))
})
