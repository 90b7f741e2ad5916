import { typeName } from '../../schemas.js'
import { isFields, patchDirective, takenFields, type Fields } from './directives.js'
import { inOrder, type KeyOf } from './order.js'
import { PatchError, type PatchFault, type Path } from './patch-error.js'

/** How an element of a patch's list is merged into the one with the same key. */
export type MergeElement = (original: Fields, patch: Fields, path: Path) => Fields

/** A merged list, and the order in which the API server then holds what it had: `$setElementOrder` starts from it. */
export interface MergedList {
  merged: unknown[]
  serverOrder: readonly unknown[]
}

/** Two lists of objects, merged by the key: equal ones merged, `$patch: delete` and `$patch: replace` obeyed. */
export function mergeObjectLists(
  original: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  path: Path,
  mergeElement: MergeElement,
): MergedList {
  const elements = keyedElements(original, key, 'original', path)
  const { plain, deleted, replaces } = sortedOut(patch, key, path)
  const remaining = elements.filter(element => !deleted.has(element[key]))
  const keyOf = keyIn(key)
  if (replaces) {
    const all = plain.map(([element, at]) => takenFields(element, at))
    return { merged: inOrder(all, [], all, keyOf), serverOrder: remaining }
  }
  const all = [...remaining]
  for (const [element, at] of plain) {
    const index = all.findIndex(one => one[key] === element[key])
    const one = all[index]
    if (one) all[index] = mergeElement(one, element, at)
    else all.push(takenFields(element, at))
  }
  const patchOrder = plain.map(([element]) => element)
  const merged = inOrder(all, patchOrder, remaining, keyOf)
  // The API server puts new elements where deleted ones were in the list that it later orders by.
  return { merged, serverOrder: all.slice(0, original.length) }
}

/** Two lists of scalars as one without duplicates. */
export function mergeScalarLists(
  original: readonly unknown[],
  patch: readonly unknown[],
): MergedList {
  const all = [...new Set([...original, ...patch])]
  return { merged: inOrder(all, patch, original, scalarKey), serverOrder: original }
}

/** The key of a scalar is itself. */
export const scalarKey: KeyOf = value => value

/** What gives an object's value of that key. */
export function keyIn(key: string): KeyOf {
  return element => (isFields(element) ? element[key] : undefined)
}

/** The list, whose elements are objects that have the key. */
export function keyedElements(
  list: readonly unknown[],
  key: string,
  side: PatchFault['in'],
  path: Path,
): Fields[] {
  return list.map((element, index) => keyed(element, key, { in: side, path: [...path, index] }))
}

function keyed(element: unknown, key: string, where: Pick<PatchFault, 'in' | 'path'>): Fields {
  if (!isFields(element)) {
    throw new PatchError({ ...where, wanted: 'object', found: typeName(element) })
  }
  if (isScalar(element[key])) return element
  const found = element[key] === undefined ? 'no such key' : typeName(element[key])
  throw new PatchError({ ...where, wanted: `the key ${key}`, found })
}

/** The list, whose elements are scalars of one kind. */
export function scalars(
  list: readonly unknown[],
  side: PatchFault['in'],
  path: Path,
): readonly unknown[] {
  const first = list[0]
  const wanted = isScalar(first) ? typeName(first) : 'string or number'
  list.forEach((element, index) => {
    if (isScalar(element) && typeof element === typeof first) return
    throw new PatchError({ in: side, path: [...path, index], wanted, found: typeName(element) })
  })
  return list
}

function isScalar(value: unknown): boolean {
  return ['string', 'number', 'boolean'].includes(typeof value)
}

interface SortedOut {
  /** Elements that are to be merged, with their places in the patch. */
  plain: [Fields, Path][]
  /** The keys of elements that are to go. */
  deleted: Set<unknown>
  /** Whether the list is to take the place of what was there. */
  replaces: boolean
}

function sortedOut(patch: readonly unknown[], key: string, path: Path): SortedOut {
  const sorted: SortedOut = { plain: [], deleted: new Set(), replaces: false }
  patch.forEach((element, index) => {
    const at = [...path, index]
    const directive = isFields(element) ? patchDirective(element, at) : undefined
    if (directive === 'replace') {
      sorted.replaces = true
      return
    }
    const fields = keyed(element, key, { in: 'patch', path: at })
    if (directive === 'delete') sorted.deleted.add(fields[key])
    else sorted.plain.push([fields, at])
  })
  return sorted
}
