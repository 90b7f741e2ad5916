import { typeName } from '../../schemas.js'
import { kubernetesMerge, type MergeField } from '../../types/kubernetes-merge.js'
import { PatchError, type Path } from './patch-error.js'

/** What is known of a field; nothing when it is a scalar, a map or unknown. */
export function fieldOf(definition: string | undefined, key: string): MergeField | undefined {
  if (definition === undefined || !Object.hasOwn(kubernetesMerge, definition)) return undefined
  const fields = kubernetesMerge[definition]
  return fields && Object.hasOwn(fields, key) ? fields[key] : undefined
}

/**
 * The list that a directive names. A list of objects without a merge key has no elements that could be named.
 * @throws PatchError
 */
export function listOf(definition: string | undefined, name: string, path: Path): MergeField {
  const field = fieldOf(definition, name)
  if (field?.list && (field.type === undefined || field.mergeKey !== undefined)) return field
  const found = field?.list ? 'a list that is not merged' : 'no such list'
  throw new PatchError({ in: 'patch', path, wanted: 'a list whose elements can be named', found })
}

/**
 * Holds that a patch has a list where there is one, and an object where there is one.
 * @throws PatchError
 */
export function checkKind(field: MergeField | undefined, value: unknown, path: Path): void {
  if (!field) return
  const wanted = field.list ? 'array' : 'object'
  const found = typeName(value)
  if (found !== wanted) throw new PatchError({ in: 'patch', path, wanted, found })
}

/** Whether the API server holds this object even when nobody wrote it, so that a patch has something to merge with. */
export function isAlwaysThere(definition: string | undefined, key: string): boolean {
  return definition !== undefined && alwaysThere[definition]?.includes(key) === true
}

const alwaysThere: Readonly<Record<string, readonly string[]>> = {
  Container: ['resources'],
  EphemeralContainer: ['resources'],
  PersistentVolumeClaimSpec: ['resources'],
  PersistentVolumeClaimTemplate: ['metadata', 'spec'],
  PodSpec: ['securityContext'],
}
