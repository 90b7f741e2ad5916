import convict from 'convict'
import { messageOf, Problem } from '../errors.js'
import type { Sourced } from './file.js'
import { addFormats } from './formats.js'
import { isStructure, options, type Option, type OptionName } from './schema.js'

/**
 * The typed value of one setting, as convict judges it by its format; of a structured one only that it is a mapping.
 * @throws Problem CONFIG_INVALID with the place that the value came from.
 */
export function checkedValue(name: OptionName, source: Sourced | undefined): unknown {
  addFormats()
  const option: Option = options[name]
  const { doc, format, default: usual } = option
  const config = convict<Record<string, unknown>>(
    { [name]: { doc, format, default: usual } },
    { env: {}, args: [] },
  )
  try {
    config.set(name, rawValue(option, source))
    // The host name is the default of `name`, and no part of the schema, because a schema is plain data.
    if (source !== undefined || usual !== '') config.validate({ allowed: 'strict' })
  } catch (error) {
    throw new Problem('CONFIG_INVALID', `${name} can't be used`, {
      where: source?.where,
      wanted: wantedOf(option, error),
      found: foundOf(option, source?.value),
      hint: option.doc,
      cause: undefined,
    })
  }
  const value = config.get(name)
  return isStructure(option) && Array.isArray(value) ? (value as unknown[])[0] : value
}

function foundOf(option: Option, value: unknown): string {
  if (isStructure(option)) return Array.isArray(value) ? 'a list' : `a ${typeof value}`
  return option.sensitive === true ? 'something else (not shown)' : shown(value)
}

// What stands before an @ in a URL may be a password.
function shown(value: unknown): string {
  return JSON.stringify(value ?? null).replace(/\/\/[^@/"]*@/g, '//…@')
}

// convict makes typed values of text alone, so lists and bare numbers of a file are handed to it as text.
function rawValue(option: Option, source: Sourced | undefined): unknown {
  const value = source?.value ?? option.default
  if (isStructure(option)) return value === null ? null : [value]
  if (Array.isArray(value)) return value.join(',')
  const asText = ['duration', 'quantity'].includes(String(option.format))
  return asText && typeof value === 'number' ? String(value) : value
}

function wantedOf(option: Option, error: unknown): string {
  if (Array.isArray(option.format)) return `one of: ${option.format.filter(Boolean).join(', ')}`
  // convict: "name: what our format wanted: value was …"
  return messageOf(error)
    .replace(/^[^:]*: /, '')
    .replace(/: value was[^]*$/, '')
}
