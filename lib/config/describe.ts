import { options, type Option, type OptionName } from './schema.js'

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
 * It takes no value that `loadConfig` refuses for its form. The keys in `without` are left out, and so refused.
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
  namespace: { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  'optional-namespace': { type: 'string', pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
  duration: { type: 'string', pattern: '^[0-9]+ ?(ms|s|m|h|d)$' },
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
    description: description(option),
    ...shapeOf(option.format),
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

function description(option: Option): string {
  return option.defaultDoc === undefined
    ? option.doc
    : `${option.doc} Default: ${option.defaultDoc}.`
}

function row(name: string, option: Option): string[] {
  const cells = [code(`--${name}`), code(option.env), defaultText(option), option.doc]
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
