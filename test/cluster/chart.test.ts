import t from 'tap'
import { agentImage } from './harness/env.js'
import { buildSpawnerImage, spawnerImage } from './harness/image.js'
import { eventually, helm, kubectl, kubectlJson } from './harness/kubectl.js'
import { hostAddress } from './harness/env.js'
import { makeNamespaces } from './harness/namespaces.js'
import { verbs } from '../harness/builds.js'
import { clusterToken, startUpstream } from './harness/world.js'

t.test('the spawner from the chart, in a pod, runs a job', async t => {
  const upstream = await startUpstream(t)
  const namespaces = await makeNamespaces(t)
  await buildSpawnerImage()
  const values = {
    agentToken: clusterToken,
    createNamespace: false,
    'config.namespace': namespaces.jobs,
    'config.endpoint': upstream.endpoint.replace('127.0.0.1', hostAddress),
    'config.agent-image': agentImage,
    'config.image-pull-policy': 'IfNotPresent',
    'config.max-in-flight': 2,
    'image.repository': spawnerImage.repository,
    'image.tag': spawnerImage.tag,
    'image.pullPolicy': 'Never',
  }
  const sets = Object.entries(values).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  await helm([
    'install',
    'ci',
    'helm/job-spawner',
    '--namespace',
    namespaces.ledger,
    '--wait',
    '--timeout',
    '90s',
    ...sets,
  ])
  t.teardown(() => helm(['uninstall', 'ci', '--namespace', namespaces.ledger, '--wait']))

  const builds = verbs(upstream)
  const build = await builds.run(`steps: [{ command: "echo from the chart; exit 4" }]`)
  t.match(build.jobs[0], { exitStatus: 4, finishCount: 1 })
  t.match(build.jobs[0]?.log, /from the chart/)
  t.match(build.jobs[0]?.agentName, /^ci-job-spawner-\d$/)

  const pods = await kubectlJson<{ items: { metadata: { name: string } }[] }>([
    'get',
    'pods',
    '-n',
    namespaces.ledger,
    '-l',
    'app.kubernetes.io/name=job-spawner',
  ])
  const log = await kubectl(['logs', '-n', namespaces.ledger, pods.items[0]?.metadata.name ?? ''])
  t.notMatch(log, clusterToken, 'its log does not hold the token')
  await kubectl(['delete', 'pod', '-n', namespaces.ledger, pods.items[0]?.metadata.name ?? ''])
  await eventually(
    'the agents of the old pod to be gone',
    async () => upstream.agents().some(({ state }) => state === 'disconnected') || undefined,
    60,
  )
  t.equal(
    (await builds.run(`steps: [{ command: "true" }]`)).state,
    'passed',
    'and the next pod goes on',
  )
})
