// What pipelines' authors and operators may say, at random and as Kubernetes wants it, so that what is built of it must
// be taken by an API server.
import fc from 'fast-check'
import { frames, jobOf, plain, settingsOf, type Frame, type PodCase } from './arbitrary/case.js'
import {
  checkoutOf,
  containersOf,
  envFrom,
  image,
  interposer,
  labelKey,
  labels,
  mountsOf,
  params,
  podFields,
  resources,
  securityContext,
  some,
  text,
  type Fields,
  podPatchFields,
} from './arbitrary/parts.js'

function pluginOf(frame: Frame): fc.Arbitrary<Fields> {
  const { volumes } = frame
  return some({
    podSpec: podSpecOf(frame),
    podSpecPatch: stepsPatchOf(frame),
    checkout: checkoutOf(volumes, 'step'),
    commandParams: some({ interposer, ...params(volumes) }),
    sidecarParams: some(params(volumes)),
    sidecars: containersOf({ names: frame.sidecars, volumes }),
    gitEnvFrom: envFrom,
    extraVolumeMounts: mountsOf(volumes),
    metadata: some({ labels, annotations: fc.dictionary(labelKey, text, { maxKeys: 2 }) }),
    jobActiveDeadlineSeconds: fc.integer({ min: 1, max: 100_000 }),
    resourceClass: fc.constantFrom('small', 'large'),
    holdOnFailure: fc.constantFrom('0s', '90s', '1h'),
  }).map(({ podSpec, podSpecPatch, ...plugin }) =>
    podSpec === undefined
      ? { ...plugin, podSpec: withVolumes(volumes) }
      : { ...plugin, podSpec, podSpecPatch },
  )
}

function podSpecOf({ volumes, commands, inits }: Frame): fc.Arbitrary<Fields> {
  return fc
    .record({
      fields: podFields,
      containers: containersOf({ names: commands, volumes, isCommand: true }),
      initContainers: containersOf({ names: inits, volumes }),
      own: fc.constantFrom<Fields[]>([], [{ name: 'workspace', emptyDir: {} }]),
    })
    .map(({ fields, containers, initContainers, own }) => ({
      ...fields,
      containers,
      initContainers,
      volumes: [...withVolumes(volumes).volumes, ...own],
    }))
}

function withVolumes(volumes: readonly string[]): { volumes: Fields[] } {
  return { volumes: volumes.map(name => ({ name, emptyDir: {} })) }
}

/** A patch that leaves a valid pod valid: it changes, adds, and takes away what is not needed or comes back. */
function stepsPatchOf({ volumes, commands, added, verifies }: Frame): fc.Arbitrary<Fields> {
  const known =
    commands.length === 0 ? ['container-0'] : commands.map((n, i) => n ?? `container-${i}`)
  // Names that nothing else has: a value over a source of values would be both.
  const more = fc.constant([{ name: 'ONLY_IN_THE_PATCH', value: '$(HOME)' }])
  const changed = some({ image, env: more, envFrom, resources, securityContext })
  const changes = fc.tuple(...known.map(name => changed.map((one): Fields => ({ name, ...one }))))
  const ours = verifies
    ? fc.constant<Fields[]>([])
    : fc.subarray<Fields>([
        { name: 'agent', env: [{ name: 'BUILDKITE_AGENT_TOKEN', $patch: 'delete' }] },
        { name: 'checkout', $patch: 'delete' },
      ])
  return some({
    ...podPatchFields,
    containers: fc
      .tuple(changes, containersOf({ names: added, volumes }), ours)
      .map(lists => lists.flat()),
    volumes: fc.constant([{ name: 'workspace', $patch: 'delete' }]),
    initContainers: fc.constant([{ name: 'copy-agent', $patch: 'delete' }]),
  })
}

/** Steps and settings of which a pod can be built that Kubernetes takes. */
export const validCases: fc.Arbitrary<PodCase> = frames
  .chain(frame =>
    fc.record({
      job: jobOf(fc.option(pluginOf(frame), { nil: undefined })),
      settings: settingsOf(frame),
    }),
  )
  .map(plain)
