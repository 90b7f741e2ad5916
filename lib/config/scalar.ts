import convict from 'convict'
import { messageOf } from '../errors.js'
import type { Fault } from './fault.js'
import type { Sourced } from './file.js'
import type { Values } from './flags.js'
import { addFormats } from './formats.js'
import { isStructure, options, type Option, type OptionName } from './schema.js'
import { valueHint } from './value-hint.js'

/** What the settings are taken from. */
export type Sources = Partial<Record<OptionName, Sourced>>

/**
 * The typed values of all settings, as convict judges each by its format (of a structured one only that it is a
 * mapping), and what is wrong with those that have none.
 */
export function checkedValues(sources: Sources): { values: Values; faults: Fault[] } {
  addFormats()
  const values: Values = {}
  const faults: Fault[] = []
  for (const name of Object.keys(options) as OptionName[]) {
    try {
      values[name] = checkedValue(name, sources[name])
    } catch (error) {
      faults.push(faultOf(name, sources[name]?.value, error))
    }
  }
  return { values, faults }
}

/** @throws what convict throws, when the value does not fit the format. */
function checkedValue(name: OptionName, source: Sourced | undefined): unknown {
  const option: Option = options[name]
  const { doc, format, default: usual } = option
  const config = convict<Record<string, unknown>>(
    { [name]: { doc, format, default: usual } },
    { env: {}, args: [] },
  )
  config.set(name, rawValue(option, source))
  // The host name is the default of `name`, and no part of the schema, because a schema is plain data.
  if (source !== undefined || usual !== '') config.validate({ allowed: 'strict' })
  const value = config.get(name)
  return isStructure(option) && Array.isArray(value) ? (value as unknown[])[0] : value
}

function faultOf(name: OptionName, value: unknown, error: unknown): Fault {
  const option: Option = options[name]
  return {
    path: [name],
    wanted: wantedOf(option, error),
    found: foundOf(option, value),
    hint: valueHint(name, value),
  }
}

function foundOf(option: Option, value: unknown): string {
  if (isStructure(option)) return Array.isArray(value) ? 'a list' : `a ${typeof value}`
  if (option.sensitive === true) return 'something else (not shown)'
  return isMapping(value) ? 'a mapping of keys and values' : shown(value)
}

// What stands before an @ in a URL may be a password.
function shown(value: unknown): string {
  return JSON.stringify(value ?? null).replace(/\/\/[^@/"]*@/g, '//…@')
}

// convict makes typed values of text alone, so lists and bare numbers of a file are handed to it as text. Of a bare
// mapping it would make settings of its own; a list of one no format takes.
function rawValue(option: Option, source: Sourced | undefined): unknown {
  const value = source?.value ?? option.default
  if (isStructure(option)) return value === null ? null : [value]
  if (isMapping(value)) return [value]
  if (Array.isArray(value)) return value.join(',')
  const asText = ['duration', 'quantity'].includes(String(option.format))
  return asText && typeof value === 'number' ? String(value) : value
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wantedOf(option: Option, error: unknown): string {
  if (Array.isArray(option.format)) return `one of: ${option.format.filter(Boolean).join(', ')}`
  // convict: "name: what our format wanted: value was …"
  return messageOf(error)
    .replace(/^[^:]*: /, '')
    .replace(/: value was[^]*$/, '')
}
