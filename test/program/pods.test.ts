import { CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import t from 'tap'
import { isOver, lines, logs, verbs } from '../harness/builds.js'
import { startSpawner } from '../harness/spawner.js'
import { freePort } from '../harness/ports.js'
import {
  agentToken,
  jobsOf,
  ledgerNamespace,
  namespace,
  passed,
  startSurroundings,
  startWorld,
} from './world.js'

// What a step may say of its pod, as far as Kubernetes is asked about it.

t.jobs = 4

const world = await startWorld(t)
const config = new KubeConfig()
config.loadFromFile(world.cluster.kubeconfig)
const core = config.makeApiClient(CoreV1Api)

// The program makes the namespace as it starts: whoever comes second finds it there.
await core.createNamespace({ body: { metadata: { name: namespace } } }).catch(() => undefined)
await core.createNamespacedPodTemplate({
  namespace,
  body: {
    metadata: { name: 'with-env' },
    template: {
      spec: {
        containers: [
          { name: 'main', image: 'a:1', env: [{ name: 'OF_TEMPLATE', value: 'as templated' }] },
        ],
      },
    },
  },
})

function step(command: string, plugin: object): string {
  return JSON.stringify({ steps: [{ command, plugins: [{ kubernetes: plugin }] }] })
}

t.test('a step runs in the pod of the PodTemplate that it names', async t => {
  const pipeline = step('echo env is $OF_TEMPLATE', { podTemplate: 'with-env' })
  const build = await world.run(pipeline)
  passed(t, build)
  t.ok(lines(logs(build)).includes('env is as templated'))
})

t.test('the exec interposer runs the very command of a container, in the sandbox too', async t => {
  const container = { image: 'a:1', command: ['printf', '%s|', 'a b', 'q"\\u'], args: ['c  d'] }
  const podSpec = { containers: [container] }
  const plugins = [{ kubernetes: { commandParams: { interposer: 'exec' }, podSpec } }]
  const build = await world.run(JSON.stringify({ steps: [{ plugins }] }))
  passed(t, build)
  t.ok(logs(build).includes('a b|q"\\u|c  d|'), logs(build))
})

t.test('containers whose Secret is missing never run, and fail the job', async t => {
  const build = await world.run(step('echo ran', { gitEnvFrom: [{ secretRef: { name: 'no' } }] }))
  const [job] = build.jobs
  t.match(job, { state: 'finished', exitStatus: -1 })
  t.match(job?.log, /\+\+\+ Job spawner: ConfigMissing[^]*secret "no" not found/)
})

t.test('a PodTemplate that is not there fails the job with its name and its place', async t => {
  const build = await world.run(step('true', { podTemplate: 'with-emv' }))
  const [job] = build.jobs
  t.match(job, { state: 'finished', exitStatus: -1, signalReason: 'agent_refused', finishCount: 1 })
  t.match(job?.log, /where: kubernetes plugin, podTemplate/)
  t.match(job?.log, /wanted: a PodTemplate "with-emv" in namespace jobs/)
  t.same(jobsOf(world, job?.id ?? ''), [])
})

t.test('a PodTemplate that the API server does not give at once is waited for', async t => {
  const path = /\/podtemplates\/with-env$/
  const message = 'etcd is slow today'
  world.cluster.fault({ match: { method: 'GET', path }, status: 503, message, times: 2 })
  const build = await world.run(step('true', { podTemplate: 'with-env' }))
  passed(t, build)
  t.match(logs(build), /does not give the PodTemplate with-env yet, trying again: etcd is slow/)
})

t.test('a mistyped field of a podSpec fails the job with the words of the API server', async t => {
  const containers = [{ image: 'a:1', imagePulPolicy: 'Never' }]
  const build = await world.run(step('true', { podSpec: { containers } }))
  const [job] = build.jobs
  t.match(job, { state: 'finished', exitStatus: -1, signalReason: 'agent_refused', finishCount: 1 })
  t.match(job?.log, /unknown field "spec\.template\.spec\.containers\[\d\]\.imagePulPolicy"/)
  t.same(jobsOf(world, job?.id ?? ''), [])
})

t.test('a job outlives a change of the prefix of Jobs, with the Job that it has', async t => {
  const { upstream, cluster } = await startSurroundings(t)
  const port = await freePort()
  const start = (prefix: string) =>
    startSpawner(t, {
      token: agentToken,
      env: process.env,
      flags: {
        endpoint: upstream.endpoint,
        kubeconfig: cluster.kubeconfig,
        name: 'prefix-%i',
        namespace,
        'ledger-namespace': ledgerNamespace,
        'gateway-listen': `127.0.0.1:${port}`,
        'metrics-listen': '127.0.0.1:0',
        'gateway-url': `http://127.0.0.1:${port}`,
        'max-in-flight': 1,
        'job-prefix': prefix,
      },
    })
  const surroundings = verbs(upstream)
  const { id } = surroundings.begin('steps: [{ command: "echo ready; sleep 4; echo done" }]')
  const first = start('one-')
  await surroundings.until(id, job => /ready\r*\n/.test(job.log), 'the command to run')
  await first.kill('SIGKILL')
  start('two-')
  const job = await surroundings.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
  const made = cluster.writes.filter(({ verb, kind }) => verb === 'create' && kind === 'Job')
  t.same(
    made.map(({ name }) => name),
    [`one-${id}`],
  )
})
