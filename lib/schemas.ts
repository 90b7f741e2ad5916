import { readFileSync } from 'node:fs'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { closest, distance } from 'fastest-levenshtein'
import { Problem, type ProblemCode } from './errors.js'
import type { AgentConfig } from './types/agent-config.js'
import type { AgentJob } from './types/agent-job.js'
import type { AgentPing } from './types/agent-ping.js'
import type { AgentRegistration } from './types/agent-registration.js'
import type { CheckoutParams } from './types/checkout-params.js'
import type { CommandParams } from './types/command-params.js'
import type { JobState } from './types/job-state.js'
import type { KubernetesPluginShape } from './types/kubernetes-plugin.js'
import type { PodMetadata } from './types/pod-metadata.js'
import type { ResourceClass } from './types/resource-class.js'
import type { SidecarParams } from './types/sidecar-params.js'

/** The shapes that others send us: a file in `schemas/`, and the type generated from it. */
export interface Shapes {
  'agent-config': AgentConfig
  'agent-job': AgentJob
  'agent-ping': AgentPing
  'agent-registration': AgentRegistration
  'checkout-params': CheckoutParams
  'command-params': CommandParams
  'job-state': JobState
  'kubernetes-plugin': KubernetesPluginShape
  'pod-metadata': PodMetadata
  'resource-class': ResourceClass
  'sidecar-params': SidecarParams
}

/** Who is to blame for a value that does not fit: the problem's code, where the value is, and what is to be said. */
export interface Blame {
  code: ProblemCode
  where: string
  message: string
}

const ajv = new Ajv({ allErrors: true, verbose: true, strict: true, allowUnionTypes: true })
ajv.addVocabulary(['x-kubernetes-patch-merge-key', 'x-kubernetes-patch-strategy'])

/**
 * The value, typed, when it fits the schema of that name.
 * @throws Problem of `code` that names the place (below `where`), what was wanted and what was found: types and key
 * names only, never a value, because a value may be secret.
 */
export function check<Name extends keyof Shapes>(
  name: Name,
  value: unknown,
  blame: Blame,
): Shapes[Name] {
  refuse(validator(`${name}.json`), value, blame)
  return value as Shapes[Name]
}

/**
 * Refuses, as `check` does, a value that is not what Kubernetes calls `definition` (such as PodSpec). Required keys,
 * unknown keys and allowed values are left to the API server.
 */
export function checkKubernetes(definition: string, value: unknown, blame: Blame): void {
  refuse(validator(`kubernetes.json#/definitions/${definition}`), value, blame)
}

/** One thing in a value that does not fit: types and key names only, never the value, because it may be secret. */
export interface Violation {
  /** Keys and indexes; of an unknown or a missing key, that key is the last. */
  path: (string | number)[]
  wanted: string
  found: string
  hint: string | undefined
}

/** All that `check` would refuse in the value, not the first of it only. */
export function violations(name: keyof Shapes, value: unknown): Violation[] {
  return violationsOf(validator(`${name}.json`), value)
}

/** All that `checkKubernetes` would refuse in the value. */
export function kubernetesViolations(definition: string, value: unknown): Violation[] {
  return violationsOf(validator(`kubernetes.json#/definitions/${definition}`), value)
}

function violationsOf(validate: ValidateFunction, value: unknown): Violation[] {
  if (validate(value)) return []
  return (validate.errors ?? []).map(error => ({
    path: [...partsOf(error, value), ...keyAtFault(error)],
    wanted: wanted(error),
    found: found(error),
    hint: hint(error),
  }))
}

// A JSON pointer's parts; indexes of lists are numbers.
function partsOf({ instancePath }: ErrorObject, value: unknown): (string | number)[] {
  let node = value
  const names = instancePath.split('/').slice(1)
  return names.map(name => {
    const key = name.replaceAll('~1', '/').replaceAll('~0', '~')
    const part = Array.isArray(node) ? Number(key) : key
    node = (node as Record<string | number, unknown>)[part]
    return part
  })
}

function keyAtFault({ params }: ErrorObject): string[] {
  const { additionalProperty, missingProperty } = params as Record<string, unknown>
  return [additionalProperty ?? missingProperty ?? []].flat().map(String)
}

function refuse(validate: ValidateFunction, value: unknown, blame: Blame): void {
  if (validate(value)) return
  const [first, ...others] = validate.errors ?? []
  if (!first) throw new Problem(blame.code, blame.message, { where: blame.where })
  const more = others.length === 0 ? {} : { found: `${found(first)} (and ${others.length} more)` }
  throw new Problem(blame.code, blame.message, { ...evidence(first, blame.where), ...more })
}

function validator(reference: string): ValidateFunction {
  load(fileOf(reference))
  const validate = ajv.getSchema(reference)
  if (validate) return validate
  throw new Error(`there is no schema ${reference}`)
}

// The file, and those that it refers to.
function load(file: string): Definition {
  const known = schemas.get(file)
  if (known) return known
  const text = readFileSync(new URL(`../schemas/${file}`, import.meta.url), 'utf8')
  const schema = JSON.parse(text) as Definition
  schemas.set(file, schema)
  ajv.addSchema(schema)
  for (const [, reference = ''] of text.matchAll(/"\$ref": *"([^"#]+)/g)) load(fileOf(reference))
  return schema
}

const schemas = new Map<string, Definition>()

function fileOf(reference: string): string {
  return reference.replace(/#.*/, '')
}

function evidence(error: ErrorObject, where: string) {
  return {
    where: `${where}${pathOf(error)}`,
    wanted: wanted(error),
    found: found(error),
    hint: hint(error),
  }
}

// A JSON pointer, as people write paths.
function pathOf(error: ErrorObject): string {
  return error.instancePath.replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
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
  if (error.keyword === 'type') return typeHint(wanted(error), found(error))
  if (error.keyword !== 'additionalProperties') return undefined
  const key = String((error.params as Record<string, unknown>)['additionalProperty'])
  const near = nearest(key, Object.keys(propertiesOf(error)))
  return near === undefined ? 'remove the key' : `did you mean ${near}?`
}

// What YAML makes of a word that looks like another kind, or of a list of one.
function typeHint(wants: string, has: string): string | undefined {
  if (wants === 'string' && ['number', 'boolean'].includes(has)) return 'put it in quotes'
  if (wants === 'array' && has === 'string') return 'write it as a list, even of one'
  if (wants === 'array' && has === 'object')
    return 'write it as a list: begin each item with a dash'
  return undefined
}

function propertiesOf(error: ErrorObject): object {
  return (error.parentSchema as { properties?: object } | undefined)?.properties ?? {}
}

/** A key of one of Kubernetes' objects that Kubernetes does not know. */
export interface UnknownField {
  /** The object's place: keys and indexes. */
  path: (string | number)[]
  key: string
  /** The known key that may have been meant. */
  near?: string
  /** The keys that the object may have, sorted. */
  known: string[]
}

/** The keys in `value`, which Kubernetes calls `definition` (such as PodSpec), that Kubernetes does not know. */
export function unknownFields(value: unknown, definition: string): UnknownField[] {
  return unknownIn(value, { $ref: `kubernetes.json#/definitions/${definition}` }, [])
}

/** The same of all that is Kubernetes' in a value of one of our shapes; its own unknown keys are `check`'s to refuse. */
export function unknownFieldsWithin(name: keyof Shapes, value: unknown): UnknownField[] {
  return unknownIn(value, { $ref: `${name}.json` }, [])
}

interface Definition {
  $ref?: string
  properties?: Record<string, Definition>
  items?: Definition
  additionalProperties?: Definition | false
  definitions?: Record<string, Definition>
}

function unknownIn(value: unknown, shape: Definition, path: UnknownField['path']): UnknownField[] {
  if (typeof value !== 'object' || value === null) return []
  const { $ref, properties, items, additionalProperties } = shape
  if ($ref?.endsWith('/PodSpecPatch')) {
    return unknownFields(withoutDirectives(value), 'PodSpec').map(field => within(path, field))
  }
  if ($ref) return unknownIn(value, referred($ref), path)
  const children = Array.isArray(value)
    ? value.map((one, index) => [index, one, items] as const)
    : Object.entries(value).map(([key, one]) => {
        const property = properties && Object.hasOwn(properties, key) ? properties[key] : undefined
        return [key, one, property ?? additionalProperties] as const
      })
  return children.flatMap(([key, one, child]) => {
    if (child) return unknownIn(one, child, [...path, key])
    // A shape that takes no other keys is one of ours: `check` has refused them.
    const judged = properties && additionalProperties === undefined && typeof key === 'string'
    return judged ? [unknownField(path, key, properties)] : []
  })
}

function within(path: UnknownField['path'], field: UnknownField): UnknownField {
  return { ...field, path: [...path, ...field.path] }
}

// Only Kubernetes' file refers to parts of itself.
function referred(reference: string): Definition {
  const [file = '', definition] = reference.split('#/definitions/')
  const schema = load(file === '' ? 'kubernetes.json' : file)
  return definition === undefined ? schema : (schema.definitions?.[definition] ?? {})
}

function unknownField(path: UnknownField['path'], key: string, properties: object): UnknownField {
  const known = Object.keys(properties).toSorted()
  const near = nearest(key, known)
  return { path, key, ...(near === undefined ? {} : { near }), known }
}

/** A copy without the keys whose value is null, at any depth: for Kubernetes null is the same as absent. */
export function withoutNulls<T>(value: T): T {
  return without(value, (_key, one) => one === null) as T
}

/**
 * A copy of a strategic merge patch without its directives and nulls, which can be checked as what it is a patch of.
 * Elements of lists stay, so that indexes still say where something is.
 */
export function withoutDirectives<T>(patch: T): T {
  return without(patch, (key, one) => one === null || isDirective(key)) as T
}

/** Whether a key is an instruction of a strategic merge patch, not a field. */
export function isDirective(key: string): boolean {
  return /^\$(patch$|retainKeys$|setElementOrder\/|deleteFromPrimitiveList\/)/.test(key)
}

function without(value: unknown, isOut: (key: string, one: unknown) => boolean): unknown {
  if (Array.isArray(value)) return value.map(one => without(one, isOut))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([key, one]) => !isOut(key, one))
  return Object.fromEntries(entries.map(([key, one]) => [key, without(one, isOut)]))
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
