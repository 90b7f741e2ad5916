/**
 * What a reader must know of `value` who knows `base`: only what differs, in the shape of the whole. Elements of lists
 * are found by their name (mounts by their path); what is gone is null, a gone element has `gone: true`; a list whose
 * elements are in another order than in `base`, or new between them, says its order first. Undefined when they are
 * equal.
 */
export function difference(base: unknown, value: unknown): unknown {
  if (JSON.stringify(base) === JSON.stringify(value)) return undefined
  if (isObject(base) && isObject(value)) return objectDifference(base, value)
  const [old, now] = [keyed(base), keyed(value)]
  return old !== undefined && now !== undefined ? listDifference(old, now) : value
}

type Fields = Record<string, unknown>

function objectDifference(base: Fields, value: Fields): Fields {
  const gone = Object.keys(base).filter(key => !(key in value))
  const changed = Object.entries(value)
    .map(([key, one]) => [key, difference(base[key], one)] as const)
    .filter(([, one]) => one !== undefined)
  return Object.fromEntries([...changed, ...gone.map(key => [key, null] as const)])
}

function listDifference(base: Map<string, Fields>, value: Map<string, Fields>): unknown[] {
  const order = [...value.keys()]
  const expected = [...base.keys()].filter(key => value.has(key))
  const appended = [...expected, ...order.filter(key => !base.has(key))]
  const says = appended.join() === order.join() ? [] : [{ order: order.join(', ') }]
  const changed = [...value].flatMap(([key, one]) => {
    const old = base.get(key)
    if (old === undefined) return [one]
    const differs = difference(old, one) as Fields | undefined
    return differs === undefined ? [] : [{ ...identity(one), ...differs }]
  })
  const gone = [...base].filter(([key]) => !value.has(key))
  return [...says, ...changed, ...gone.map(([, one]) => ({ ...identity(one), gone: true }))]
}

function identity({ name, mountPath }: Fields): Fields {
  return mountPath === undefined ? { name } : { mountPath }
}

/** The elements by what names them; undefined when something has no name, or not one of its own. */
function keyed(list: unknown): Map<string, Fields> | undefined {
  if (list === undefined) return new Map()
  if (!Array.isArray(list) || list.length === 0 || !list.every(isObject)) return undefined
  const map = new Map(list.map(one => [String(one['mountPath'] ?? one['name']), one]))
  return map.has('undefined') || map.size < list.length ? undefined : map
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
