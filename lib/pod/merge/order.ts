/** How the elements of a list are told apart: the value of the merge key, or a scalar itself. */
export type KeyOf = (element: unknown) => unknown

/**
 * The elements in the order that the API server leaves them in: those that `patchOrder` names in its order, the others
 * (which only the server has) in that of `serverOrder`; of both, the one that comes first in `serverOrder` goes first,
 * and where that does not say, those of the patch.
 */
export function inOrder(
  elements: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  keyOf: KeyOf,
): unknown[] {
  const places = { patch: placesOf(patchOrder, keyOf), server: placesOf(serverOrder, keyOf) }
  const inPatch = elements.filter(element => places.patch.has(keyOf(element)))
  const others = elements.filter(element => !places.patch.has(keyOf(element)))
  return interleave(
    sortedBy(others, element => places.server.get(keyOf(element))),
    sortedBy(inPatch, element => places.patch.get(keyOf(element))),
    element => places.server.get(keyOf(element)),
  )
}

type PlaceOf = (element: unknown) => number | undefined

// Where each key stands first.
function placesOf(list: readonly unknown[], keyOf: KeyOf): Map<unknown, number> {
  const places = new Map<unknown, number>()
  list.forEach((element, index) => {
    if (!places.has(keyOf(element))) places.set(keyOf(element), index)
  })
  return places
}

// The API server sorts by insertion with "is less, or one of both is unknown", so that an unknown element goes before
// all that came earlier. An ordinary sort would not give the same for that.
function sortedBy(elements: readonly unknown[], placeOf: PlaceOf): unknown[] {
  const sorted: unknown[] = []
  for (const element of elements) {
    let at = sorted.length
    while (at > 0 && isBefore(placeOf(element), placeOf(sorted[at - 1]))) at -= 1
    sorted.splice(at, 0, element)
  }
  return sorted
}

function isBefore(left: number | undefined, right: number | undefined): boolean {
  return left === undefined || right === undefined || left < right
}

function interleave(others: unknown[], inPatch: unknown[], placeOf: PlaceOf): unknown[] {
  const merged: unknown[] = []
  let next = 0
  for (const element of inPatch) {
    const place = placeOf(element)
    while (next < others.length && isFirst(placeOf(others[next]), place)) {
      merged.push(others[next])
      next += 1
    }
    merged.push(element)
  }
  return [...merged, ...others.slice(next)]
}

function isFirst(left: number | undefined, right: number | undefined): boolean {
  return left !== undefined && right !== undefined && left < right
}
