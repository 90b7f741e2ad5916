import { isProblem, type Problem } from '../errors.js'
import { check, checkKubernetes, withoutDirectives } from '../schemas.js'
import type { Fault, Path } from './fault.js'
import { unknownKeys } from './kubernetes-keys.js'
import { movedKey } from './moved.js'
import type { Structure, StructureName, StructureShape } from './schema.js'
import { keysOf } from './values.js'

/** Where a structured setting does not fit its schema, and where Kubernetes does not know a key. */
export function shapeFaults(
  name: StructureName,
  { shape, named }: Structure,
  value: unknown,
): Fault[] {
  if (named !== true) return faultsOf(shape, value, [name])
  return Object.entries(keysOf(value)).flatMap(([key, one]) => faultsOf(shape, one, [name, key]))
}

function faultsOf(shape: StructureShape, value: unknown, path: Path): Fault[] {
  return [...misfits(shape, value, path), ...unknownKeys(shape, value, path)]
}

// A check names its first fault only, so it is asked again without what it has named.
function misfits(shape: StructureShape, value: unknown, path: Path): Fault[] {
  const left: unknown = structuredClone(value)
  const faults: Fault[] = []
  for (;;) {
    const below = misfit(shape, left)
    if (below === undefined) return faults
    faults.push({ ...below, path: [...path, ...below.path], ...moved([...path, ...below.path]) })
    if (!removed(left, below.path)) return faults
  }
}

function misfit(shape: StructureShape, value: unknown): Fault | undefined {
  const blame = { code: 'CONFIG_INVALID', where: '', message: '' } as const
  try {
    if (shape === 'PodSpecPatch') checkKubernetes('PodSpec', withoutDirectives(value), blame)
    else if (shape === 'Volume') checkKubernetes('Volume', value, blame)
    else check(shape, value, blame)
    return undefined
  } catch (error) {
    if (isProblem(error, 'CONFIG_INVALID')) return faultOf(error, value)
    throw error
  }
}

function faultOf(problem: Problem, value: unknown): Fault {
  const { where = '', wanted = '', hint } = problem
  const found = (problem.found ?? '').replace(/ \(and \d+ more\)$/, '')
  const path = pathTo(where, value) ?? []
  const unknown = /^the unknown key (".*")$/s.exec(found)?.[1]
  if (unknown !== undefined) {
    return { path: [...path, JSON.parse(unknown) as string], wanted, found, hint }
  }
  const missing = /^the key (.+)$/.exec(wanted)?.[1]
  if (missing !== undefined) return { path: [...path, missing], wanted, found, hint }
  const bare = wanted === 'string' && /^(number|boolean)$/.test(found)
  return { path, wanted, found, hint: bare ? 'put quotes around it' : hint }
}

function moved(path: Path): Pick<Fault, 'hint'> {
  const why = movedKey(path.join('.'))?.why
  return why === undefined ? {} : { hint: why }
}

// `check` joins the way into the value with dots, and keys may hold dots themselves: so it is found again in the value.
function pathTo(where: string, value: unknown): Path | undefined {
  if (where === '') return []
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, one] of Object.entries(value)) {
    const rest = where.startsWith(`.${key}`) ? pathTo(where.slice(key.length + 1), one) : undefined
    if (rest !== undefined) return [Array.isArray(value) ? Number(key) : key, ...rest]
  }
  return undefined
}

// Not what is missing, and no item of a list: the others' places would be wrong then.
function removed(value: unknown, path: Path): boolean {
  const last = path.at(-1)
  const parent = path.slice(0, -1).reduce<unknown>((node, part) => childOf(node, part), value)
  if (typeof last !== 'string' || !Object.hasOwn(keysOf(parent), last)) return false
  return Reflect.deleteProperty(parent as object, last)
}

function childOf(node: unknown, part: string | number): unknown {
  return typeof node === 'object' && node !== null ? Reflect.get(node, part) : undefined
}
