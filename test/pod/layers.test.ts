import t from 'tap'
import type { V1Job } from '@kubernetes/client-node'
import { isProblem } from '../../lib/errors.js'
import { buildJob } from '../../lib/pod/build.js'
import { jobInputs } from '../../lib/pod/given/inputs.js'
import { layers } from '../../lib/pod/layers.js'
import type { KubernetesPlugin } from '../../lib/pod/given/plugin.js'
import type { PodSettings } from '../../lib/pod/given/settings.js'
import { podSettings } from './settings.js'

const key = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'

function inputsOf(plugin?: KubernetesPlugin, env: Record<string, string> = {}) {
  const plugins = plugin && { BUILDKITE_PLUGINS: JSON.stringify([{ [key]: plugin }]) }
  return jobInputs({
    id: '01890000-0000-4000-8000-000000000001',
    env: { BUILDKITE_COMMAND: 'make test', ...env, ...plugins },
    chunks_max_size_bytes: 1,
  })
}

const withAll: PodSettings = {
  ...podSettings,
  imagePullPolicy: 'IfNotPresent',
  resourceClasses: { small: { resource: { requests: { cpu: '250m' } } } },
  podSpecPatch: { serviceAccountName: 'ci' },
}
const pluginWithAll: KubernetesPlugin = {
  resourceClass: 'small',
  podSpec: { containers: [{ image: 'alpine:3.20' }] },
  podSpecPatch: { priorityClassName: 'high' },
}

t.test('each layer has its name, in the order of precedence', async t => {
  const inputs = inputsOf(pluginWithAll, { BUILDKITE_IMAGE: 'golang:1.24' })
  const names = layers(inputs, withAll).map(({ name }) => name)
  t.same(names, [
    'job spawner',
    'settings',
    'kubernetes plugin',
    'resource class small',
    'pod-spec-patch',
    'image',
    'podSpecPatch',
  ])
})

t.test('each layer changes what is its own, and nothing before it does', async t => {
  const all = layers(inputsOf(pluginWithAll, { BUILDKITE_IMAGE: 'golang:1.24' }), withAll)
  const table: [string, (job: V1Job) => unknown, unknown][] = [
    ['settings', job => command(job)?.imagePullPolicy, 'IfNotPresent'],
    ['kubernetes plugin', job => command(job)?.image, 'alpine:3.20'],
    ['resource class small', job => command(job)?.resources?.requests?.['cpu'], '250m'],
    ['pod-spec-patch', job => pod(job).serviceAccountName, 'ci'],
    ['image', job => command(job)?.image, 'golang:1.24'],
    ['podSpecPatch', job => pod(job).priorityClassName, 'high'],
  ]
  for (const [name, of, wanted] of table) {
    const index = all.findIndex(layer => layer.name === name)
    const [before, now] = [all[index - 1], all[index]]
    if (!before || !now) throw new Error(`no layer ${name}`)
    t.notSame(of(before.job), wanted, `before ${name}`)
    t.equal(of(now.job), wanted, name)
  }
})

t.test('the last layer is the Job itself', async t => {
  for (const plugin of [undefined, pluginWithAll, { checkout: { skip: true } }]) {
    const inputs = inputsOf(plugin)
    t.same(layers(inputs, withAll).at(-1)?.job, buildJob(inputs, withAll))
  }
})

t.test('a layer that changes nothing is left out', async t => {
  t.same(
    layers(inputsOf(), podSettings).map(({ name }) => name),
    ['job spawner'],
  )
  t.same(
    layers(inputsOf({}, { BUILDKITE_IMAGE: podSettings.agentImage }), podSettings).length,
    1,
    'an image that is the same anyway',
  )
})

t.test(
  'the usual settings are those of the job spawner, and the operator differs from them',
  async t => {
    const settings = { ...podSettings, jobTtlSeconds: 60 }
    const names = (usual: Partial<PodSettings>) =>
      layers(inputsOf(), settings, usual).map(({ name, job }) => [
        name,
        job.spec?.ttlSecondsAfterFinished,
      ])
    t.same(names({ jobTtlSeconds: 600 }), [
      ['job spawner', 600],
      ['settings', 60],
    ])
    t.same(names({ jobTtlSeconds: 60 }), [['job spawner', 60]])
  },
)

t.test('a PodTemplate is a layer of its own, when it counts', async t => {
  const settings = { ...podSettings, podTemplate: { containers: [{ name: 'go', image: 'go:1' }] } }
  const names = (plugin: KubernetesPlugin) =>
    layers(inputsOf(plugin), settings).map(({ name }) => name)
  t.same(names({ podTemplate: 'go' }), ['job spawner', 'podTemplate go'])
  t.same(names({ podTemplate: 'go', checkout: { skip: true } }), [
    'job spawner',
    'podTemplate go',
    'kubernetes plugin',
  ])
  t.same(
    names({ podTemplate: 'go', podSpec: { containers: [{ image: 'a' }] } }),
    ['job spawner', 'kubernetes plugin'],
    'not with a podSpec',
  )
})

t.test(
  'a layer that is impossible by itself is left out, and the last has what is left',
  async t => {
    const plugin = {
      podSpec: { containers: [{ name: 'a', image: 'UPPER' }] },
      podSpecPatch: { containers: [{ name: 'a', image: 'lower' }] },
    }
    const all = layers(inputsOf(plugin), podSettings)
    t.same(
      all.map(({ name }) => name),
      ['job spawner', 'podSpecPatch'],
    )
  },
)

t.test('a Job that cannot be has no layers, but the problem', async t => {
  try {
    layers(inputsOf({ resourceClass: 'none' }), podSettings)
    t.fail('layers of what cannot be')
  } catch (error) {
    t.ok(isProblem(error, 'JOB_PLUGIN'))
  }
})

function pod(job: V1Job) {
  const spec = job.spec?.template.spec
  if (!spec) throw new Error('a Job without a pod')
  return spec
}

function command(job: V1Job) {
  return pod(job).containers.find(({ name }) => name === 'container-0')
}
