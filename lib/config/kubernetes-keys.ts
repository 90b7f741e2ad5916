import { unknownFields, withoutDirectives } from '../schemas.js'
import type { Fault, Path } from './fault.js'
import type { StructureShape } from './schema.js'

// What Kubernetes calls what stands under these keys of our own schemas, or each item of it.
const kinds: Record<string, string> = {
  hooksVolume: 'Volume',
  pluginsVolume: 'Volume',
  signingJWKSVolume: 'Volume',
  verificationJWKSVolume: 'Volume',
  volume: 'Volume',
  gitCredentialsSecret: 'SecretVolumeSource',
  envFrom: 'EnvFromSource',
  extraVolumeMounts: 'VolumeMount',
  resource: 'ResourceRequirements',
  podResource: 'ResourceRequirements',
}

/**
 * The keys in a structured setting that Kubernetes does not know, where it is of Kubernetes. The API server would drop
 * them without a word.
 */
export function unknownKeys(shape: StructureShape, value: unknown, path: Path): Fault[] {
  if (shape === 'PodSpecPatch') return unknownOf('PodSpec', withoutDirectives(value), path)
  if (shape === 'Volume') return unknownOf('Volume', value, path)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, one]: [string, unknown]) => {
    const at = [...path, Array.isArray(value) ? Number(name) : name]
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) return unknownKeys(shape, one, at)
    if (!Array.isArray(one)) return unknownOf(kind, one, at)
    return one.flatMap((item, index) => unknownOf(kind, item, [...at, index]))
  })
}

function unknownOf(kind: string, value: unknown, path: Path): Fault[] {
  return unknownFields(value, kind).map(({ path: below, key, near, known }) => ({
    path: [...path, ...below, key],
    wanted: `one of: ${known.join(', ')}`,
    found: `the unknown key ${JSON.stringify(key)}`,
    hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
  }))
}
