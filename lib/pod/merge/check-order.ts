import { isFields } from './directives.js'
import type { KeyOf } from './order.js'
import { PatchError, type Path } from './patch-error.js'

/**
 * Holds that the elements of a patch's list stand in the order that `$setElementOrder` gives, and are all in it.
 * @throws PatchError
 */
export function checkOrder({ patch, order, keyOf, path }: OrderedList): void {
  if (order.length === 0) return
  let next = 0
  patch.forEach((element, index) => {
    if (isFields(element) && Object.hasOwn(element, '$patch')) return
    const place = order.findIndex((one, at) => at >= next && keyOf(one) === keyOf(element))
    if (place < 0) {
      const wanted = 'the elements, and the order, of $setElementOrder'
      const found = 'an element that is not in it, or comes earlier'
      throw new PatchError({ in: 'patch', path: [...path, index], wanted, found })
    }
    next = place + 1
  })
}

interface OrderedList {
  patch: readonly unknown[]
  order: readonly unknown[]
  keyOf: KeyOf
  path: Path
}
