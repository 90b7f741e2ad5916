import { isDirective, withoutNulls } from '../../schemas.js'
import type { MergeField } from '../../types/kubernetes-merge.js'
import { checkOrder } from './check-order.js'
import {
  added,
  addedList,
  arrayOf,
  isFields,
  listDirectives,
  patchDirective,
  takenFields,
  takenList,
  type Fields,
} from './directives.js'
import { checkKind, fieldOf, isAlwaysThere, listOf } from './fields.js'
import {
  keyedElements,
  keyIn,
  mergeObjectLists,
  mergeScalarLists,
  scalarKey,
  scalars,
  type MergedList,
} from './lists.js'
import { inOrder } from './order.js'
import { PatchError, type Path } from './patch-error.js'

/**
 * What the API server makes of an object and a strategic merge patch of it. `definition` is what Kubernetes calls the
 * object. The result is a copy without nulls, and shares nothing with what went in.
 * @throws PatchError when the patch cannot be applied
 */
export function strategicMerge<T extends object>(
  original: T,
  patch: Fields,
  definition = 'PodSpec',
): T {
  return mergeFields(withoutNulls(original) as Fields, patch, definition, []) as T
}

/** An object in the making; one of another kind than the schema says has no definition. */
interface Target {
  fields: Map<string, unknown>
  definition: string | undefined
  /** Where in the patch we are. */
  path: Path
}

function mergeFields(
  original: Fields,
  patch: Fields,
  definition: string | undefined,
  path: Path,
): Fields {
  const directive = patchDirective(patch, path)
  if (directive === 'delete') return {}
  if (directive === 'replace') return takenFields(patch, path)
  const target = { fields: new Map(Object.entries(original)), definition, path }
  retainKeys(target, patch)
  const ordered = orderLists(target, patch)
  for (const [key, value] of Object.entries(patch)) {
    if (!isDirective(key) && !ordered.has(key)) mergeField(target, key, value)
  }
  deleteScalars(target, patch)
  return Object.fromEntries(target.fields)
}

function mergeField({ fields, definition, path }: Target, key: string, value: unknown): void {
  if (value === null) return void fields.delete(key)
  const at = [...path, key]
  const field = fieldOf(definition, key)
  checkKind(field, value, at)
  const old = held(fields.get(key)) ?? (isAlwaysThere(definition, key) ? {} : undefined)
  if (isFields(old) && isFields(value)) {
    fields.set(key, mergeFields(old, value, field?.type, at))
  } else if (Array.isArray(old) && Array.isArray(value)) {
    fields.set(key, mergeLists(old, value, field, at).merged)
  } else {
    const made = added(value, at)
    if (made === undefined) fields.delete(key)
    else fields.set(key, made)
  }
}

// The API server does not store empty lists: to a patch they are not there.
function held(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? undefined : value
}

function mergeLists(
  original: readonly unknown[],
  patch: readonly unknown[],
  field: MergeField | undefined,
  path: Path,
): MergedList {
  if (!field?.strategies.includes('merge')) {
    return { merged: takenList(patch, path), serverOrder: original }
  }
  if (patch.length === 0) return { merged: [...original], serverOrder: original }
  const { mergeKey, type } = field
  if (mergeKey === undefined) {
    scalars(original, 'original', path)
    return mergeScalarLists(original, scalars(patch, 'patch', path))
  }
  return mergeObjectLists(original, patch, mergeKey, path, (one, change, at) =>
    mergeFields(one, change, type, at),
  )
}

// Gives the names of the lists that are done, because their order was set.
function orderLists(target: Target, patch: Fields): Set<string> {
  const done = new Set<string>()
  for (const [name, order] of listDirectives(patch, '$setElementOrder', target.path)) {
    done.add(name)
    orderList(target, name, order, patch[name])
  }
  return done
}

function orderList(target: Target, name: string, order: readonly unknown[], change: unknown): void {
  const orderPath = [...target.path, `$setElementOrder/${name}`]
  const field = listOf(target.definition, name, orderPath)
  const listPath = [...target.path, name]
  const patch = change === undefined ? undefined : arrayOf(change, { in: 'patch', path: listPath })
  const old = held(target.fields.get(name))
  const original = old === undefined ? undefined : arrayOf(old, { in: 'original', path: listPath })
  const keyOf = field.mergeKey === undefined ? scalarKey : keyIn(field.mergeKey)
  if (field.mergeKey === undefined) scalars(order, 'patch', orderPath)
  else keyedElements(order, field.mergeKey, 'patch', orderPath)
  if (patch) checkOrder({ patch, order, keyOf, path: listPath })
  const { merged, serverOrder } = listBeforeOrder(original, patch, field, listPath)
  if (merged) target.fields.set(name, inOrder(merged, order, serverOrder, keyOf))
}

function listBeforeOrder(
  original: readonly unknown[] | undefined,
  patch: readonly unknown[] | undefined,
  field: MergeField,
  path: Path,
): { merged?: readonly unknown[]; serverOrder: readonly unknown[] } {
  if (original && patch) return mergeLists(original, patch, field, path)
  if (original) return { merged: original, serverOrder: original }
  if (patch) return { merged: addedList(patch, path), serverOrder: [] }
  return { serverOrder: [] }
}

// Last, so that what is both in the list and to be deleted is gone.
function deleteScalars(target: Target, patch: Fields): void {
  const name = '$deleteFromPrimitiveList'
  for (const [key, values] of listDirectives(patch, name, target.path)) {
    const path = [...target.path, `${name}/${key}`]
    listOf(target.definition, key, path)
    const gone = new Set(scalars(values, 'patch', path))
    const list = target.fields.get(key)
    if (!Array.isArray(list)) continue
    target.fields.set(
      key,
      list.filter(value => !gone.has(value)),
    )
  }
}

function retainKeys({ fields, path }: Target, patch: Fields): void {
  if (!Object.hasOwn(patch, '$retainKeys')) return
  const at = [...path, '$retainKeys']
  const keys = new Set(arrayOf(patch['$retainKeys'], { in: 'patch', path: at }))
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || isDirective(key) || keys.has(key)) continue
    const wanted = `all keys beside it, ${key} too`
    throw new PatchError({ in: 'patch', path: at, wanted, found: 'no such element' })
  }
  for (const key of fields.keys()) if (!keys.has(key)) fields.delete(key)
}
