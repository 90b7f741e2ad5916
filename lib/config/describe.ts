import { readFileSync } from 'node:fs'
import { isStructure, options, type Option, type OptionName, type Structure } from './schema.js'

/** A JSON Schema, as plain data. */
export type JsonSchema = Record<string, unknown>

/** Every setting of `job-spawner run` as a Markdown table: flag, environment, default, what it does. */
export function configTable(): string {
  const rows = Object.entries(options).map(([name, option]) => row(name, option))
  return [
    ['flag', 'environment', 'default', 'what it does'],
    ['---', '---', '---', '---'],
    ...rows,
    [
      code('--config'),
      code('JOB_SPAWNER_CONFIG'),
      'none',
      'YAML file of these settings; its keys are the flags without their dashes.',
    ],
  ]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/**
 * The JSON Schema (draft 7) of the config file: its keys, what they mean, what they may be and what they default to.
 * It takes no value that `loadConfig` refuses for its form, but for Kubernetes' own shapes: of those it only asks that
 * they are mappings. The keys in `without` are left out, and so refused.
 */
export function configJsonSchema(without: readonly OptionName[] = []): JsonSchema {
  const left = new Set<string>(without)
  const kept = Object.entries(options).filter(([name]) => !left.has(name))
  return {
    type: 'object',
    description: 'The settings of `job-spawner run`, as its config file has them.',
    additionalProperties: false,
    properties: Object.fromEntries(kept.map(([name, option]) => [name, propertySchema(option)])),
  }
}

// What a value looks like in the file, for each of our formats (`formats.ts`); a test holds the two together.
const shapes: Record<string, JsonSchema> = {
  'required-text': { type: 'string', minLength: 1 },
  'optional-text': { type: 'string', minLength: 1 },
  'positive-int': { type: 'integer', minimum: 1 },
  'http-url': { type: 'string', pattern: '^https?://.' },
  'optional-http-url': { type: 'string', pattern: '^https?://.' },
  boolean: { type: 'boolean' },
  quantity: { type: ['string', 'number'], pattern: '^\\+?[0-9.]+([a-zA-Z]+|[eE][+-]?[0-9]+)?$' },
  'job-prefix': { type: 'string', pattern: '^[a-z0-9][-a-z0-9]{0,19}$' },
  'sub-path': { type: 'string', pattern: '^[^/]', not: { pattern: '(^|/)\\.\\.(/|$)' } },
  words: {
    anyOf: [
      { type: 'array', items: { type: 'string', pattern: '^[^\\s,]+$' } },
      { type: 'string', pattern: '^[^\\s]+$' },
    ],
  },
  namespace: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  'optional-namespace': { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  duration: { type: 'string', pattern: '^[0-9]+ ?(ms|s|m|h|d)$' },
  'positive-duration': { type: 'string', pattern: '^0*[1-9][0-9]* ?(ms|s|m|h|d)$' },
  // From 3s to 60s.
  'lease-duration': {
    type: 'string',
    pattern: '^0*(([3-9]|[1-5][0-9]|60) ?s|1 ?m|([3-9]|[1-5][0-9])[0-9]{3} ?ms|60000 ?ms)$',
  },
  'optional-ip': { type: 'string', pattern: '^[0-9a-fA-F.:]+$' },
  'listen-address': { type: 'string', pattern: '^(\\[[^\\]]+\\]|[^:\\s]*):[0-9]{1,5}$' },
  tags: {
    anyOf: [
      { type: 'array', minItems: 1, items: { type: 'string', pattern: '^[^=\\s]+=.+$' } },
      { type: 'string', pattern: '^[^=\\s]+=.+$' },
    ],
  },
}

function propertySchema(option: Option): JsonSchema {
  const unset = option.default === null || option.default === ''
  return {
    ...(isStructure(option) ? structureSchema(option) : shapeOf(option.format)),
    description: description(option),
    ...(unset ? {} : { default: option.default }),
  }
}

function shapeOf(format: Option['format']): JsonSchema {
  if (typeof format !== 'string') return { enum: format.filter(value => value !== null) }
  const shape = shapes[format]
  // Reached only by a new format that has no line in `shapes`, and so by its author alone.
  if (shape === undefined) throw new Error(`no JSON Schema for the format ${format}`)
  return shape
}

function structureSchema({ shape, named }: Structure): JsonSchema {
  const ofKubernetes = shape === 'PodSpecPatch' || shape === 'Volume'
  const one = ofKubernetes ? { type: 'object' } : (inlined({ $ref: `${shape}.json` }) as JsonSchema)
  return named === true ? { type: 'object', additionalProperties: one } : one
}

// References to other files with what stands there, so that the schema is whole by itself. Kubernetes' shapes would
// make it huge.
function inlined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inlined)
  if (typeof value !== 'object' || value === null) return value
  const { $id: _id, title: _title, $ref, ...rest } = value as JsonSchema
  if (typeof $ref !== 'string') {
    return Object.fromEntries(Object.entries(rest).map(([key, one]) => [key, inlined(one)]))
  }
  if ($ref.startsWith('kubernetes.json')) return { type: 'object', ...rest }
  const file = new URL(`../../schemas/${$ref}`, import.meta.url)
  return { ...(inlined(JSON.parse(readFileSync(file, 'utf8'))) as JsonSchema), ...rest }
}

function description(option: Option): string {
  return option.defaultDoc === undefined
    ? option.doc
    : `${option.doc} Default: ${option.defaultDoc}.`
}

function row(name: string, option: Option): string[] {
  const sources = isStructure(option)
    ? [code(name), 'config file only']
    : [code(`--${name}`), code(option.env)]
  const cells = [...sources, defaultText(option), option.doc]
  return cells.map(cell => cell.replaceAll('|', '\\|'))
}

function defaultText({ default: value, defaultDoc }: Option): string {
  if (defaultDoc !== undefined) return defaultDoc
  if (value === null) return 'unset'
  if (Array.isArray(value)) return code(value.join(','))
  return code(typeof value === 'string' ? value : JSON.stringify(value))
}

function code(text: string): string {
  return `\`${text}\``
}
