// The job and the settings around a random plugin.
import fc from 'fast-check'
import type { PodSettings } from '../../../lib/pod/given/settings.js'
import type { AgentJob } from '../../../lib/types/agent-job.js'
import { podSettings } from '../settings.js'
import {
  checkoutOf,
  dnsLabel,
  image,
  interposer,
  labelValue,
  labels,
  params,
  podPatchFields,
  some,
  text,
  type Fields,
  volume,
} from './parts.js'

/** What one pod is built of. */
export interface PodCase {
  job: AgentJob
  settings: PodSettings
}

/** The plugin's name in BUILDKITE_PLUGINS. */
export const pluginKey = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'

// A prefix for each kind keeps the names of a valid pod apart.
export function names(prefix: string, maxLength: number): fc.Arbitrary<string[]> {
  return fc.uniqueArray(dnsLabel, { maxLength }).map(list => list.map(name => `${prefix}-${name}`))
}

/** What a valid step and its operator have in common. */
export interface Frame {
  volumes: string[]
  commands: (string | undefined)[]
  sidecars: (string | undefined)[]
  inits: string[]
  added: string[]
  verifies: boolean
  /** Whether the operator has a volume of this name. */
  operatorsVolume: boolean
}

export const frames: fc.Arbitrary<Frame> = fc.record({
  volumes: names('v', 2),
  commands: unnamedToo(names('c', 3)),
  sidecars: unnamedToo(names('s', 2)),
  inits: names('i', 2),
  added: names('p', 2),
  verifies: fc.boolean(),
  operatorsVolume: fc.boolean(),
})

export function unnamedToo(list: fc.Arbitrary<string[]>): fc.Arbitrary<(string | undefined)[]> {
  return list.chain(all =>
    fc.tuple(...all.map(name => fc.constantFrom<string | undefined>(name, undefined))),
  )
}

export function settingsOf({ verifies, operatorsVolume }: Frame): fc.Arbitrary<PodSettings> {
  const volumes = operatorsVolume ? ['operators'] : []
  const own = operatorsVolume ? { volumes: [{ name: 'operators', emptyDir: {} }] } : {}
  const settings = some({
    agentImage: image,
    imagePullPolicy: fc.constantFrom('Always', 'IfNotPresent', 'Never'),
    imageCheck: fc.record({ limits: fc.constant({ cpu: '200m', memory: '128Mi' }) }),
    agentConfig: agentConfigOf(verifies),
    additionalRedactedVars: fc.constant(['*_LICENSE']),
    defaultCheckoutParams: checkoutOf(volumes, 'operator'),
    defaultCommandParams: some({ interposer, ...params(volumes) }),
    defaultSidecarParams: some(params(volumes)),
    defaultMetadata: some({ labels, annotations: labels }),
    resourceClasses: fc.constant({
      small: { resource: { requests: { cpu: '60m' } }, nodeSelector: { size: 'small' } },
      large: { resource: { limits: { memory: '2Gi' } }, podResource: { limits: { cpu: '64' } } },
    }),
    defaultResourceClassName: fc.constant('small'),
    workspaceVolume: fc.constantFrom('workspace', 'scratch').chain(volume),
    workspaceMountSubPathExpr: fc.constant('$(POD_NAME)'),
    podSpecPatch: some(podPatchFields),
    allowPodSpecPatchUnsafeCommandModification: fc.boolean(),
    maxHoldSeconds: fc.constantFrom(0, 60, 600),
    containerStartTimeoutMs: fc.constantFrom(0, 1_500, 600_000),
    terminationGracePeriodSeconds: fc.integer({ min: 1, max: 300 }),
  })
  return settings.map(one => ({
    ...podSettings,
    // A step may name a class only where there is one.
    resourceClasses: { small: {}, large: {} },
    ...one,
    podSpecPatch: { ...(one['podSpecPatch'] as Fields | undefined), ...own },
  }))
}

export function agentConfigOf(verifies: boolean): fc.Arbitrary<Fields> {
  return some({
    'hooks-path': fc.constant('/etc/hooks'),
    hooksVolume: volume('hooks'),
    'additional-hooks': fc.constant([{ path: '/more', volume: { name: 'more', emptyDir: {} } }]),
    pluginsVolume: volume('plugins'),
    signingJWKSVolume: volume('signing'),
    'signing-jwks-file': fc.constantFrom('key.json', '/keys/key.json'),
    shell: text,
    'no-plugins': fc.boolean(),
  }).map(config => ({
    ...config,
    ...(verifies ? { verificationJWKSVolume: { name: 'verification', emptyDir: {} } } : {}),
  }))
}

export const uuid = fc.uuid()

export function jobOf(plugin: fc.Arbitrary<Fields | undefined>, id = uuid): fc.Arbitrary<AgentJob> {
  return fc
    .record({
      id,
      plugin,
      env: some({
        BUILDKITE_COMMAND: text,
        BUILDKITE_IMAGE: image,
        BUILDKITE_BUILD_URL: text,
        BUILDKITE_BRANCH: text,
        BUILDKITE_REPO: text,
        BUILDKITE_PIPELINE_SLUG: text,
        BUILDKITE_STEP_KEY: fc.oneof(text, fc.string({ maxLength: 300 })),
        BUILDKITE_AGENT_META_DATA_QUEUE: fc.oneof(text, labelValue),
      }),
      tags: fc.dictionary(fc.stringMatching(/^[A-Z_0-9-]{1,80}$/), text, { maxKeys: 2 }),
    })
    .map(({ id: one, plugin: body, env: own, tags }) => ({
      id: one,
      env: {
        ...tagsOf(tags),
        ...(own as Record<string, string>),
        ...(body === undefined
          ? {}
          : { BUILDKITE_PLUGINS: JSON.stringify([{ [pluginKey]: body }]) }),
      },
      chunks_max_size_bytes: 102_400,
    }))
}

export function tagsOf(tags: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tags)
      .filter(([name]) => name !== 'RESOURCE_CLASS')
      .map(([name, value]) => [`BUILDKITE_AGENT_META_DATA_${name}`, value]),
  )
}

// fast-check makes some objects without a prototype, which JSON has none of.
export function plain(one: PodCase): PodCase {
  return JSON.parse(JSON.stringify(one)) as PodCase
}
