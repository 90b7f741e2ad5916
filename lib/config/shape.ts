import { kubernetesViolations, violations, withoutDirectives, type Violation } from '../schemas.js'
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
  const misfits = misfitsOf(shape, value).map(violation => faultOf(violation, path))
  return [...misfits, ...unknownKeys(shape, value, path)]
}

function misfitsOf(shape: StructureShape, value: unknown): Violation[] {
  if (shape === 'PodSpecPatch') return kubernetesViolations('PodSpec', withoutDirectives(value))
  return shape === 'Volume' ? kubernetesViolations('Volume', value) : violations(shape, value)
}

function faultOf({ path: inner, wanted, found, hint }: Violation, outer: Path): Fault {
  const path = [...outer, ...inner]
  const isBare = wanted === 'string' && /^(number|boolean)$/.test(found)
  const usual = isBare ? 'put quotes around it' : hint
  return { path, wanted, found, hint: movedKey(path.join('.'))?.why ?? usual }
}
