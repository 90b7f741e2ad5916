// What fits our schemas and no more: names collide, patches remove what is needed, mounts have no volumes.
import fc from 'fast-check'
import type { PodSettings } from '../../lib/pod/given/settings.js'
import {
  frames,
  jobOf,
  plain,
  pluginKey,
  settingsOf,
  type PodCase,
  uuid,
} from './arbitrary/case.js'
import {
  checkoutOf,
  containersOf,
  dnsLabel,
  env,
  image,
  interposer,
  mountsOf,
  podFields,
  some,
  text,
  type Fields,
  volumesOf,
  podPatchFields,
  params,
} from './arbitrary/parts.js'

// Few names, so that they meet; but mostly not, or there would be no pods.
const oddName = fc.constantFrom(
  ...['agent', 'checkout', 'copy-agent', 'container-0', 'container-1', 'sidecar-0', 'a', 'b', 'c'],
)
const authorsName = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...'abcdefghijklm') },
  { weight: 1, arbitrary: fc.constantFrom('agent', 'container-0', 'imagecheck-0') },
)
const oddVolumes = volumesOf(
  fc.constantFrom('workspace', 'hooks', 'git-credentials', 'verification', 'a'),
)
const oddNames = fc.array(authorsName, { maxLength: 2 })

function oddContainers(isCommand: boolean): fc.Arbitrary<Fields[]> {
  return oddNames.chain(list =>
    containersOf({ names: list, volumes: ['workspace', 'hooks', 'a', 'nowhere'], isCommand }),
  )
}

const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.option(arbitrary, { nil: undefined, freq: 1 }).chain(one => fc.constantFrom(one, undefined))
const directive = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('delete', 'replace') },
  { weight: 1, arbitrary: fc.constantFrom('merge', 'remove') },
)
const oddPatchElement = fc
  .tuple(
    fc.record(
      {
        name: oddName,
        $patch: seldom(directive),
        image,
        env,
        command: seldom(fc.array(text, { maxLength: 2 })),
      },
      { requiredKeys: ['name'] },
    ),
    seldom(fc.array(text, { maxLength: 2 })),
  )
  .map(([one, args]): Fields => ({ ...one, args }))
const oddPatch = some({
  ...podPatchFields,
  containers: fc.option(fc.array(oddPatchElement, { maxLength: 3 })),
  initContainers: fc.option(fc.array(oddPatchElement, { maxLength: 2 })),
  volumes: fc.option(oddVolumes),
  $patch: seldom(directive),
  $retainKeys: seldom(fc.array(fc.constantFrom('containers', 'volumes', 'nodeSelector'))),
  '$setElementOrder/containers': seldom(fc.uniqueArray(oddName.map(name => ({ name })))),
  os: fc.constantFrom({ name: 'windows' }, { name: 'linux' }, { name: 'linux' }),
})

const oddPlugin = some({
  podSpec: fc
    .tuple(podFields, oddContainers(true), oddContainers(false), oddVolumes)
    .map(([fields, containers, initContainers, volumes]) => ({
      ...fields,
      containers,
      initContainers,
      volumes,
    })),
  podTemplate: dnsLabel,
  podSpecPatch: oddPatch,
  checkout: checkoutOf(['a', 'nowhere'], 'step'),
  commandParams: some({ interposer, ...params(['a', 'nowhere']) }),
  sidecars: oddContainers(false),
  extraVolumeMounts: mountsOf(['hooks', 'a']),
  resourceClass: fc.constantFrom('small', 'large', 'small', 'medium'),
})

/** Steps and settings that fit our schemas, and no more. */
export const oddCases: fc.Arbitrary<PodCase> = frames.chain(frame =>
  fc
    .record({
      job: jobOf(fc.option(oddPlugin, { nil: undefined }), fc.oneof(uuid, fc.string())),
      settings: settingsOf(frame),
      podSpecPatch: fc.option(oddPatch, { nil: undefined }),
      podTemplate: fc.option(
        oddContainers(true).map(containers => ({ containers })),
        { nil: undefined },
      ),
    })
    .map(({ job, settings, podSpecPatch, podTemplate }) => ({
      job,
      settings: { ...settings, podSpecPatch, podTemplate } as PodSettings,
    }))
    .map(plain),
)

/** Lists of plugins of any shape, ours among them or not. */
export const pluginTexts: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.json(),
  fc.jsonValue().map(body => JSON.stringify([{ [pluginKey]: body }])),
  fc
    .dictionary(
      fc.constantFrom('podSpec', 'podSpecPatch', 'checkout', 'sidecars', 'metadata', 'other'),
      fc.jsonValue(),
    )
    .map(body => JSON.stringify([{ [pluginKey]: body }])),
)
