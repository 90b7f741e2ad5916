import { valueAt, type Path } from '../../pipeline/source.js'
import { isMap } from '../../pipeline/values.js'

/**
 * A copy of the value without what stands at the path: a key is left out, a map in a list is emptied, and of any other
 * item the whole list is left out; so the indexes of what stays still say where it stands.
 */
export function without(value: unknown, path: Path): unknown {
  const isPlainItem = typeof path.at(-1) === 'number' && !isMap(valueAt(value, path))
  return removed(value, isPlainItem ? path.slice(0, -1) : path)
}

function removed(value: unknown, [part, ...rest]: Path): unknown {
  if (part === undefined || typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    const items = value as unknown[]
    return items.map((item, index) => (index === part ? (removed(item, rest) ?? {}) : item))
  }
  const inner = Object.hasOwn(value, part) ? removed((value as Keys)[part], rest) : undefined
  const others = Object.entries(value).filter(([key]) => key !== part)
  if (inner === undefined) return Object.fromEntries(others)
  return { ...value, [part]: inner }
}

type Keys = Record<string | number, unknown>
