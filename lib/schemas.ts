import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { Problem, type ProblemCode } from './errors.js'
import type { AgentJob } from './types/agent-job.js'
import type { AgentPing } from './types/agent-ping.js'
import type { AgentRegistration } from './types/agent-registration.js'
import type { JobState } from './types/job-state.js'
import type { KubernetesPluginShape } from './types/kubernetes-plugin.js'

/** The shapes that others send us: a file in `schemas/`, and the type generated from it. */
export interface Shapes {
  'agent-job': AgentJob
  'agent-ping': AgentPing
  'agent-registration': AgentRegistration
  'job-state': JobState
  'kubernetes-plugin': KubernetesPluginShape
}

const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true })
const validators = new Map<keyof Shapes, ValidateFunction>()

/**
 * The value, typed, when it fits the schema of that name.
 * @throws Problem of `code` that names the place (below `where`), what was wanted and what was found: types and key
 * names only, never a value, because a value may be secret.
 */
export function check<Name extends keyof Shapes>(
  name: Name,
  value: unknown,
  blame: { code: ProblemCode; where: string; message: string },
): Shapes[Name] {
  const validate = validator(name)
  if (validate(value)) return value as Shapes[Name]
  const [first, ...others] = validate.errors ?? []
  if (!first) throw new Problem(blame.code, blame.message, { where: blame.where })
  const more = others.length === 0 ? {} : { found: `${found(first)} (and ${others.length} more)` }
  throw new Problem(blame.code, blame.message, { ...evidence(first, blame.where), ...more })
}

function validator(name: keyof Shapes): ValidateFunction {
  const known = validators.get(name)
  if (known) return known
  const text = readFileSync(new URL(`../schemas/${name}.json`, import.meta.url), 'utf8')
  const made = ajv.compile(JSON.parse(text) as object)
  validators.set(name, made)
  return made
}

function evidence(error: ErrorObject, where: string) {
  return {
    where: `${where}${error.instancePath.replaceAll('/', '.')}`,
    wanted: wanted(error),
    found: found(error),
    hint: hint(error),
  }
}

function wanted(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  switch (error.keyword) {
    case 'additionalProperties':
      return `one of: ${Object.keys(propertiesOf(error)).toSorted().join(', ')}`
    case 'type':
      return [params['type']].flat().join(' or ')
    case 'enum':
      return `one of: ${(params['allowedValues'] as unknown[]).join(', ')}`
    case 'required':
      return `the key ${String(params['missingProperty'])}`
    default:
      return error.message ?? error.keyword
  }
}

function found(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>
  if (error.keyword === 'additionalProperties') {
    return `the unknown key ${JSON.stringify(params['additionalProperty'])}`
  }
  if (error.keyword === 'required') return 'no such key'
  return typeName(error.data)
}

function hint(error: ErrorObject): string | undefined {
  if (error.keyword !== 'additionalProperties') return undefined
  const key = String((error.params as Record<string, unknown>)['additionalProperty'])
  const near = nearest(key, Object.keys(propertiesOf(error)))
  return near === undefined ? 'remove the key' : `did you mean ${near}?`
}

function propertiesOf(error: ErrorObject): object {
  return (error.parentSchema as { properties?: object } | undefined)?.properties ?? {}
}

/** The known word nearest to `word`, when one is near enough to have been meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const near = closest(word.toLowerCase(), known)
  return distance(word.toLowerCase(), near.toLowerCase()) <= Math.max(2, word.length / 3)
    ? near
    : undefined
}

/** What kind of JSON value it is, for messages. */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}
