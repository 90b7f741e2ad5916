import {
  unknownFields,
  unknownFieldsWithin,
  withoutDirectives,
  type UnknownField,
} from '../schemas.js'
import type { Fault, Path } from './fault.js'
import type { StructureShape } from './schema.js'

/**
 * The keys in a structured setting that Kubernetes does not know, where it is of Kubernetes. The API server would drop
 * them without a word.
 */
export function unknownKeys(shape: StructureShape, value: unknown, path: Path): Fault[] {
  return unknownOf(shape, value).map(({ path: below, key, near, known }) => ({
    path: [...path, ...below, key],
    wanted: `one of: ${known.join(', ')}`,
    found: `the unknown key ${JSON.stringify(key)}`,
    hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
  }))
}

function unknownOf(shape: StructureShape, value: unknown): UnknownField[] {
  if (shape === 'PodSpecPatch') return unknownFields(withoutDirectives(value), 'PodSpec')
  return shape === 'Volume' ? unknownFields(value, 'Volume') : unknownFieldsWithin(shape, value)
}
