import { isDirective, typeName } from '../../schemas.js'
import { PatchError, type PatchFault, type Path } from './patch-error.js'

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>

/** Whether it is a JSON object, not an array and not null. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * What the `$patch` of an object says, if it has one. The API server knows two values: that `merge` is one too is said
 * in its documentation only.
 * @throws PatchError for any other value
 */
export function patchDirective(patch: Fields, path: Path): 'replace' | 'delete' | undefined {
  if (!Object.hasOwn(patch, '$patch')) return undefined
  const value = patch['$patch']
  if (value === 'replace' || value === 'delete') return value
  const found = typeof value === 'string' ? 'another word' : typeName(value)
  throw new PatchError({
    in: 'patch',
    path: [...path, '$patch'],
    wanted: 'replace or delete',
    found,
  })
}

/** The directives of an object that name one of its lists, as `$setElementOrder/env` does: [list, value]. */
export function listDirectives(patch: Fields, name: string, path: Path): [string, unknown[]][] {
  const prefix = `${name}/`
  const entries = Object.entries(patch).filter(([key]) => key.startsWith(prefix))
  return entries.map(([key, value]) => [
    key.slice(prefix.length),
    arrayOf(value, { in: 'patch', path: [...path, key] }),
  ])
}

/** The value, which is an array. */
export function arrayOf(value: unknown, where: Pick<PatchFault, 'in' | 'path'>) {
  if (Array.isArray(value)) return value as unknown[]
  throw new PatchError({ ...where, wanted: 'array', found: typeName(value) })
}

/**
 * A copy of a part of a patch for a place where there is nothing to merge it with. As the API server does, objects
 * with a `$patch` are left out, whatever it says. Nulls and other directives are left out too; undefined when nothing is left.
 */
export function added(value: unknown, path: Path): unknown {
  return copy(value, path, true)
}

/**
 * A copy of a part of a patch that takes the place of what was there. Nulls and directives are left out.
 * @throws PatchError for a `$patch` that would delete something, or is an element's: in such a place the API server does
 * not obey it, and what is left without it is not what its author meant.
 */
export function takenFields(value: Fields, path: Path): Fields {
  return copyFields(value, path, false)
}

/** `takenFields`, for a list. */
export function takenList(list: readonly unknown[], path: Path): unknown[] {
  return copyList(list, path, false)
}

/** `added`, for a list. */
export function addedList(list: readonly unknown[], path: Path): unknown[] {
  return copyList(list, path, true)
}

function copy(value: unknown, path: Path, dropMarked: boolean): unknown {
  if (Array.isArray(value)) return copyList(value, path, dropMarked)
  if (!isFields(value)) return value
  const directive = patchDirective(value, path)
  if (directive !== undefined && dropMarked) return undefined
  if (directive === 'delete') throw unheard(path)
  return copyFields(value, path, dropMarked)
}

function copyFields(value: Fields, path: Path, dropMarked: boolean): Fields {
  const entries = Object.entries(value)
    .filter(([key, one]) => one !== null && !isDirective(key))
    .map(([key, one]) => [key, copy(one, [...path, key], dropMarked)] as const)
  return Object.fromEntries(entries.filter(([, one]) => one !== undefined))
}

function copyList(list: readonly unknown[], path: Path, dropMarked: boolean): unknown[] {
  const copies = list.map((value, index) => {
    if (!dropMarked) refuseMarked(value, [...path, index])
    return copy(value, [...path, index], dropMarked)
  })
  return copies.filter(value => value !== undefined)
}

function refuseMarked(value: unknown, path: Path): void {
  if (isFields(value) && patchDirective(value, path) !== undefined) throw unheard(path)
}

function unheard(path: Path): PatchError {
  const wanted = 'no $patch, because there is nothing that this is merged with'
  return new PatchError({ in: 'patch', path, wanted, found: '$patch' })
}
