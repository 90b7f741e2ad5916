import t from 'tap'
import { isProblem, type Problem } from '../../lib/errors.js'
import { buildJob } from '../../lib/pod/build.js'
import { jobInputs } from '../../lib/pod/given/inputs.js'
import type { PodSettings } from '../../lib/pod/given/settings.js'
import { pluginKey } from './arbitrary/case.js'
import { podSettings } from './settings.js'

const operators: PodSettings = {
  ...podSettings,
  agentConfig: {
    hooksVolume: { name: 'hooks', configMap: { name: 'hooks' } },
    'additional-hooks': [{ path: '/more', volume: { name: 'more', configMap: { name: 'more' } } }],
    'plugins-path': '/plugins',
    pluginsVolume: { name: 'plugins', emptyDir: {} },
    'signing-jwks-file': '/keys/private.json',
    signingJWKSVolume: { name: 'signing', secret: { secretName: 'signing' } },
  },
}

t.test('wherever a step mounts something inside a folder of the operator, it is named', async t => {
  const inside = { name: 'mine', mountPath: '/more/environment' }
  const outside = { name: 'mine', mountPath: '/more-of-mine' }
  const table: [string, object][] = [
    ['extraVolumeMounts.1.mountPath', { extraVolumeMounts: [outside, inside] }],
    ['checkout.extraVolumeMounts.0.mountPath', { checkout: { extraVolumeMounts: [inside] } }],
    ['checkout.gitMirrors.path', { checkout: { gitMirrors: { path: '/more/mirrors' } } }],
    [
      'commandParams.extraVolumeMounts.0.mountPath',
      { commandParams: { extraVolumeMounts: [inside] } },
    ],
    [
      'podSpec.containers.1.volumeMounts.0.mountPath',
      { podSpec: { containers: [{ image: 'a' }, { volumeMounts: [inside] }] } },
    ],
    [
      'podSpecPatch.containers.0.volumeMounts.0.mountPath',
      { podSpecPatch: { containers: [{ name: 'checkout', volumeMounts: [inside] }] } },
    ],
  ]
  for (const [place, plugin] of table) {
    const problem = refusal(plugin)
    t.match(problem, { code: 'JOB_PLUGIN', where: `kubernetes plugin, ${place}` }, place)
    t.match(problem?.wanted, 'outside of /more', place)
  }
})

t.test('each folder of the operator is closed, however it is spelled', async t => {
  const paths = ['/workspace/hooks/a', '/more/a/b', '/plugins//a', 'keys/a', '/x/../keys/./a']
  for (const mountPath of paths)
    t.match(refusal({ extraVolumeMounts: [{ name: 'mine', mountPath }] }), { code: 'JOB_PLUGIN' })
})

t.test('what a step mounts elsewhere is its own business', async t => {
  const mounts = (mountPath: string) => [{ name: 'mine', mountPath }]
  const plugins = [
    { extraVolumeMounts: mounts('/workspace/build/cache') },
    { extraVolumeMounts: mounts('/workspace/hooks') },
    { sidecars: [{ image: 'a', volumeMounts: mounts('/more/a') }] },
    { podSpec: { initContainers: [{ name: 'a', image: 'a', volumeMounts: mounts('/more/a') }] } },
    { podSpecPatch: { containers: [{ name: 'checkout', volumeMounts: null }] } },
    { podSpecPatch: { containers: null, volumes: [] } },
  ]
  for (const plugin of plugins.slice(0, -1)) t.equal(refusal(plugin), undefined)
  t.match(refusal(plugins.at(-1) ?? {})?.wanted, 'at least one command container')
})

t.test('where the operator mounts nothing, a step may mount anything', async t => {
  const plugin = { extraVolumeMounts: [{ name: 'mine', mountPath: '/workspace/hooks/a' }] }
  t.equal(refusal(plugin, podSettings), undefined)
})

function refusal(plugin: object, settings = operators): Problem | undefined {
  const env = { BUILDKITE_PLUGINS: JSON.stringify([{ [pluginKey]: plugin }]) }
  try {
    buildJob(jobInputs({ id: 'a', env, chunks_max_size_bytes: 1 }), settings)
    return undefined
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
}

const taken = { name: 'job-spawner-token', mountPath: '/mine' }

t.test("nobody brings a volume of the token's name, nor another token for us", async t => {
  const other = (audience: string) => ({
    name: 'mine',
    projected: { sources: [{ serviceAccountToken: { audience, path: 'token' } }] },
  })
  const secret = { name: 'job-spawner-token', secret: { secretName: 'mine' } }
  const podSpecPatch = { volumes: [secret] }
  t.match(refusal({ podSpec: { volumes: [secret] } }), { code: 'JOB_INVALID', where: /a volume/ })
  t.match(refusal({ podSpecPatch }), { code: 'JOB_INVALID', where: /a volume/ })
  t.match(refusal({}, { ...podSettings, podSpecPatch }), { code: 'JOB_INVALID' })
  const found = { code: 'JOB_INVALID', where: /the volume mine/, found: /job-spawner$/ }
  t.match(refusal({ podSpec: { volumes: [other('job-spawner')] } }), found)
  t.equal(refusal({ podSpec: { volumes: [other('vault')] } }), undefined)
})

t.test("no container mounts the agent container's token, wherever it is said", async t => {
  const workspace = { name: 'workspace', emptyDir: {} }
  const table: [string, object][] = [
    ['container-0', { podSpec: { containers: [{ volumeMounts: [taken] }] } }],
    ['a', { podSpec: { initContainers: [{ name: 'a', image: 'a', volumeMounts: [taken] }] } }],
    ['sidecar-0', { sidecars: [{ image: 'a', volumeMounts: [taken] }] }],
    ['agent', { extraVolumeMounts: [taken] }],
    ['checkout', { checkout: { extraVolumeMounts: [taken] } }],
    ['container-0', { commandParams: { extraVolumeMounts: [taken] } }],
    ['sidecar-0', { sidecars: [{ image: 'a' }], sidecarParams: { extraVolumeMounts: [taken] } }],
    ['b', { podSpecPatch: { containers: [{ name: 'b', image: 'a', volumeMounts: [taken] }] } }],
    ['copy-agent', initPatch({ name: 'copy-agent', volumeMounts: [taken] })],
  ]
  for (const [container, plugin] of table) {
    const where = `the pod, the container ${container}, volumeMounts`
    t.match(refusal(plugin, podSettings), { code: 'JOB_INVALID', where }, container)
  }
  t.equal(refusal({ podSpec: { volumes: [workspace] } }, podSettings), undefined)
})

t.test('nothing is mounted over the token in the agent container', async t => {
  const mounted = (mountPath: string) => ({ extraVolumeMounts: [{ name: 'workspace', mountPath }] })
  const paths = ['/var/run/job-spawner', '/var//run/job-spawner/token', '/run/job-spawner/']
  for (const mountPath of paths) {
    const where = 'the pod, the container agent, volumeMounts'
    t.match(refusal(mounted(mountPath), podSettings), { code: 'JOB_INVALID', where }, mountPath)
  }
  const others = ['/var/run', '/var/run/docker.sock', '/var/run/job-spawner-of-mine']
  for (const mountPath of others)
    t.equal(refusal(mounted(mountPath), podSettings), undefined, mountPath)
})

t.test('a patch that takes the token away does not', async t => {
  const plugin = {
    podSpecPatch: {
      volumes: [{ $patch: 'replace' }, { name: 'workspace', emptyDir: {} }],
      containers: [
        {
          name: 'agent',
          volumeMounts: [{ $patch: 'replace' }],
          env: [{ name: 'BUILDKITE_AGENT_TOKEN', value: 'mine' }],
        },
      ],
    },
  }
  const env = { BUILDKITE_PLUGINS: JSON.stringify([{ [pluginKey]: plugin }]) }
  const job = buildJob(jobInputs({ id: 'a', env, chunks_max_size_bytes: 1 }), podSettings)
  const pod = job.spec?.template.spec
  t.match(pod?.volumes?.at(-1), { name: 'job-spawner-token' })
  const agent = pod?.containers[0]
  t.match(agent?.volumeMounts?.at(-1), { name: 'job-spawner-token', readOnly: true })
  const value = 'file:///var/run/job-spawner/token'
  t.same(
    agent?.env?.filter(({ name }) => name === 'BUILDKITE_AGENT_TOKEN'),
    [{ name: 'BUILDKITE_AGENT_TOKEN', value }],
  )
})

function initPatch(container: object): object {
  return { podSpecPatch: { initContainers: [container] } }
}
