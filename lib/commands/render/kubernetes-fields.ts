import { unknownFields, withoutDirectives, type UnknownField } from '../../schemas.js'
import { isMap } from '../../pipeline/values.js'
import { valueAt, type Path } from '../../pipeline/source.js'

/** What of the plugin Kubernetes judges: where, what Kubernetes calls it, and whether it is a patch. */
const objects: { path: Path; definition: string; each?: true }[] = [
  { path: ['podSpec'], definition: 'PodSpec' },
  { path: ['podSpecPatch'], definition: 'PodSpec' },
  { path: ['sidecars'], definition: 'Container', each: true },
  { path: ['gitEnvFrom'], definition: 'EnvFromSource', each: true },
  { path: ['extraVolumeMounts'], definition: 'VolumeMount', each: true },
  ...['checkout', 'commandParams', 'sidecarParams'].flatMap(params => [
    { path: [params, 'envFrom'], definition: 'EnvFromSource', each: true as const },
    { path: [params, 'extraVolumeMounts'], definition: 'VolumeMount', each: true as const },
  ]),
  { path: ['checkout', 'gitCredentialsSecret'], definition: 'SecretVolumeSource' },
  { path: ['checkout', 'gitMirrors', 'volume'], definition: 'Volume' },
]

/** The fields in a kubernetes plugin's body that Kubernetes does not know; paths begin at the body. */
export function unknownPluginFields(body: unknown): UnknownField[] {
  return objects.flatMap(({ path, definition, each }) => {
    const value = withoutDirectives(valueAt(body, path))
    if (!each) return fieldsOf(value, definition, path)
    const list = Array.isArray(value) ? (value as unknown[]) : []
    return list.flatMap((item, index) => fieldsOf(item, definition, [...path, index]))
  })
}

function fieldsOf(value: unknown, definition: string, path: Path): UnknownField[] {
  if (!isMap(value)) return []
  return unknownFields(value, definition).map(field => ({
    ...field,
    path: [...path, ...field.path],
  }))
}

/** What is said of such a field. */
export function unknownFieldText({ key, near }: UnknownField): string {
  const hint = near === undefined ? '' : `: did you mean ${near}?`
  return `Kubernetes knows no field ${JSON.stringify(key)} here${hint}`
}
