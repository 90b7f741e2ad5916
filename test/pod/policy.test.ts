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
