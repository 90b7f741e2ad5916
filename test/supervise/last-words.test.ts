import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { until } from '../cluster-client/loopback.js'
import { jobOf, podOf, settle, statusOf, supervised } from './cluster-of.js'

const died = { terminated: { exitCode: 1, reason: 'Error', message: 'so long' } }

/** A run whose agent container has ended. */
async function ended(
  t: Parameters<typeof supervised>[0],
  prepare: (world: ReturnType<typeof supervised>) => void,
  pod: V1Pod = podOf('job-1', died),
) {
  const world = supervised(t)
  await world.supervisor.synced()
  prepare(world)
  const { cluster } = world
  cluster.liveJob = jobOf('job-1')
  cluster.livePods = [pod]
  cluster.watchedPods.tell('ADDED', pod)
  await settle()
  return world
}

t.test('the end of a run says what its dead container said last', async t => {
  const { run } = await ended(t, ({ cluster }) => cluster.logs.set('agent', 'one\nfatal: two\n'))
  await until(() => run.ends.length === 1)
  t.match(run.ends[0]?.message, /so long[^]*fatal: two/)
})

t.test('secrets in it are taken out, in what Kubernetes says as well', async t => {
  const secret = 's3cr3t-s3cr3t'
  const message = `exec: "${secret}": not found`
  const pod = podOf('job-1', { terminated: { exitCode: 128, reason: 'StartError' } })
  const state = { terminated: { exitCode: 128, reason: 'StartError', message } }
  Object.assign(pod.status ?? {}, { containerStatuses: [statusOf('agent', state)] })
  const { run, supervisor } = await ended(
    t,
    world => {
      world.run.env = { MY_TOKEN: secret }
      world.cluster.logs.set('agent', `token ${secret}\n`)
    },
    pod,
  )
  await until(() => run.ends.length === 1)
  t.match(run.ends[0]?.message, /REDACTED/)
  t.notMatch(run.ends[0]?.message, secret)
  t.notMatch(supervisor.takeMessage('job-1'), secret)
})

t.test('a log that is not to be had holds up nothing', async t => {
  const { run } = await ended(t, () => {})
  await until(() => run.ends.length === 1)
  t.match(run.ends[0]?.message, /kubectl logs/)
})

t.test('a log that does not come is waited for no longer than three seconds', async t => {
  const { run, judge } = await ended(t, ({ cluster }) => {
    cluster.podLog = () => new Promise(() => {})
  })
  t.same(run.ends, [])
  await judge(3)
  t.equal(run.ends.length, 1)
})

t.test('a pod that is held for people keeps its Job going', async t => {
  const led = { name: 'container-0', env: [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }] }
  const pod = podOf('job-1', died)
  const running = statusOf('container-0', { running: {} })
  const held: V1Pod = {
    metadata: { ...pod.metadata, annotations: { 'job-spawner/hold-seconds': '600' } },
    spec: { ...pod.spec, containers: [...(pod.spec?.containers ?? []), led] },
    status: {
      phase: 'Running',
      containerStatuses: [...(pod.status?.containerStatuses ?? []), running],
    },
  }
  const { run, cluster } = await ended(t, () => {}, held)
  await until(() => run.ends.length === 1)
  await settle()
  t.same([...cluster.ended, ...cluster.deleted], [])
})
