// What authors and operators write, piece by piece, at random and as Kubernetes wants it.
import fc from 'fast-check'

/** An object as YAML or JSON gives it. */
export type Fields = Record<string, unknown>

/** A record with these keys, each of which may be left out. */
export function some(arbitraries: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Fields> {
  return fc.record(arbitraries, { requiredKeys: [] })
}

/** Words with all that shells, YAML and the kubelet read in their own ways. */
export const text = fc.string({
  unit: fc.constantFrom(...`ab1 \t\n$(){}'"\\\`~#*?|&;<>!=:,./-_é漢🙂`),
  maxLength: 24,
})

export const dnsLabel = fc.stringMatching(/^[a-z]([a-z0-9-]{0,8}[a-z0-9])?$/)
export const labelValue = fc.stringMatching(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?)?$/)
export const labelKey = fc
  .tuple(fc.constantFrom('', 'example.com/', 'a.b-c.d/'), fc.stringMatching(/^[A-Za-z0-9]{1,8}$/))
  .map(parts => parts.join(''))
export const labels = fc.dictionary(labelKey, labelValue, { maxKeys: 3 })

/** Names of images, with all parts that such a name may have. */
export const image = fc
  .record({
    host: fc.constantFrom('', 'ghcr.io/', 'registry.example:5000/', 'localhost/', '[::1]:80/'),
    path: fc.stringMatching(/^[a-z0-9]{1,6}((\.|_|__|-{1,2})[a-z0-9]{1,4})?(\/[a-z0-9]{1,6})?$/),
    tag: fc.constantFrom('', ':1', ':latest', ':v1.2_3-rc'),
    digest: fc.constantFrom('', `@sha256:${'0a'.repeat(32)}`),
  })
  .map(({ host, path, tag, digest }) => host + path + tag + digest)

export const variable = fc.oneof(
  { weight: 3, arbitrary: fc.record({ value: text }) },
  fc.constantFrom(
    { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { valueFrom: { secretKeyRef: { name: 'secret', key: 'key', optional: true } } },
    { valueFrom: { configMapKeyRef: { name: 'map', key: 'key' } } },
  ),
)
export const variableName = fc.oneof(
  fc.stringMatching(/^[A-Z][A-Z0-9_]{0,6}$/),
  fc.constantFrom(
    'BUILDKITE_COMMAND',
    'BUILDKITE_SHELL',
    'BUILDKITE_CONTAINER_ID',
    'BUILDKITE_CONTAINER_COUNT',
    'BUILDKITE_AGENT_TOKEN',
    'BUILDKITE_AGENT_ENDPOINT',
    'BUILDKITE_BOOTSTRAP_PHASES',
    'BUILDKITE_HOOKS_PATH',
    'HOME',
  ),
)
export const env = fc.uniqueArray(
  fc.tuple(variableName, variable).map(([name, value]): Fields => ({ name, ...value })),
  { selector: one => one['name'], maxLength: 4 },
)
export const envFrom = fc.array(
  fc.constantFrom<Fields>(
    { secretRef: { name: 'secret' } },
    { configMapRef: { name: 'map', optional: true }, prefix: 'P_' },
  ),
  { maxLength: 2 },
)

// Whatever is laid over whatever, no request is above its limit.
export const requests = some({
  cpu: fc.constantFrom('50m', '100m'),
  memory: fc.constantFrom('8Mi'),
})
export const limits = some({
  cpu: fc.constantFrom('1', 2),
  memory: fc.constantFrom('1Gi', '512Mi'),
}).map(one => Object.fromEntries(Object.entries(one).map(([key, value]) => [key, String(value)])))
export const resources = some({ requests, limits })

export const securityContext = some({
  runAsUser: fc.constantFrom(0, 1, 1000, 65_534),
  runAsGroup: fc.constantFrom(0, 1000),
  runAsNonRoot: fc.boolean(),
})

export const volumeSource = fc.constantFrom<Fields>(
  { emptyDir: {} },
  { emptyDir: { medium: 'Memory', sizeLimit: '64Mi' } },
  { configMap: { name: 'map' } },
  { secret: { secretName: 'secret', optional: true } },
  { persistentVolumeClaim: { claimName: 'claim' } },
)

export function volumesOf(name: fc.Arbitrary<string>, maxLength = 3): fc.Arbitrary<Fields[]> {
  const volume = fc.tuple(name, volumeSource).map(([one, source]) => ({ name: one, ...source }))
  return fc.uniqueArray(volume, { selector: one => one.name, maxLength })
}

export const mountPath = fc.constantFrom(
  '/workspace',
  '/workspace/',
  '/cache',
  '/cache/a',
  '/etc/passwd',
  '/etc/hooks',
  '/etc//hooks',
)

export function mountsOf(volumes: readonly string[]): fc.Arbitrary<Fields[]> {
  if (volumes.length === 0) return fc.constant([])
  const mount = fc.record(
    { name: fc.constantFrom(...volumes), mountPath, readOnly: fc.boolean() },
    { requiredKeys: ['name', 'mountPath'] },
  )
  return fc.uniqueArray(mount, { selector: one => one.mountPath, maxLength: 3 })
}

export interface ContainerParts {
  names: readonly (string | undefined)[]
  volumes: readonly string[]
  /** Whether the image may be left out, and args need a command. */
  isCommand?: boolean
}

/** A container for each name. */
export function containersOf(parts: ContainerParts): fc.Arbitrary<Fields[]> {
  return fc.tuple(...parts.names.map(name => containerOf(name, parts)))
}

export function containerOf(
  name: string | undefined,
  { volumes, isCommand = false }: ContainerParts,
): fc.Arbitrary<Fields> {
  const policy = fc.constantFrom('Always', 'IfNotPresent', 'Never')
  return fc
    .record(
      {
        image,
        command: fc.array(text, { minLength: 1, maxLength: 3 }).map(words => [...words, 'last']),
        args: fc.array(text, { maxLength: 3 }).map(words => [...words, 'last']),
        env,
        envFrom,
        imagePullPolicy: policy,
        resources,
        securityContext,
        volumeMounts: mountsOf(volumes),
        tty: fc.boolean(),
        ports: fc.constant([{ containerPort: 8080 }]),
      },
      { requiredKeys: isCommand ? [] : ['image'] },
    )
    .map(({ args, ...container }) => ({
      ...(name === undefined ? {} : { name }),
      ...container,
      ...(args !== undefined && (!isCommand || container.command !== undefined) ? { args } : {}),
    }))
}

export const podFields = some({
  nodeSelector: labels,
  tolerations: fc.constant([{ operator: 'Exists' }]),
  serviceAccountName: dnsLabel,
  automountServiceAccountToken: fc.boolean(),
  securityContext,
  terminationGracePeriodSeconds: fc.nat(200),
  restartPolicy: fc.constantFrom('Always', 'OnFailure'),
  hostAliases: fc.constant([{ ip: '192.0.2.1', hostnames: ['db.example'] }]),
  imagePullSecrets: fc.constant([{ name: 'registry' }]),
  enableServiceLinks: fc.boolean(),
})

export const interposer = fc.constantFrom('buildkite', 'vector', 'legacy', 'exec')

export function params(volumes: readonly string[]) {
  return { envFrom, extraVolumeMounts: mountsOf(volumes) }
}

export function checkoutOf(volumes: readonly string[], suffix: string): fc.Arbitrary<Fields> {
  return some({
    skip: fc.boolean(),
    cloneFlags: text,
    noSubmodules: fc.boolean(),
    submoduleCloneConfig: fc.constant(['a=b', 'c=d']),
    gitCredentialsSecret: fc.constant({ secretName: 'git' }),
    gitMirrors: some({
      path: fc.constant('/mirrors'),
      volume: fc.constant({ name: `mirrors-${suffix}`, emptyDir: {} }),
      lockTimeout: fc.nat(100),
    }),
    ...params(volumes),
  })
}

export const podPatchFields = {
  nodeSelector: labels,
  terminationGracePeriodSeconds: fc.option(fc.nat(200)),
  serviceAccountName: fc.option(dnsLabel),
  tolerations: fc.constantFrom(null, [{ operator: 'Exists', effect: 'NoSchedule' }]),
  securityContext: fc.constantFrom<Fields | null>(null, { $patch: 'replace', runAsUser: 1000 }),
}

export const volume = (name: string) => volumeSource.map(source => ({ name, ...source }))
