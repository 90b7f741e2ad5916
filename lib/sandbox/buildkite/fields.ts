import { typeName } from '../../schemas.js'

/** What a field of a request's body must be; `time` is an RFC 3339 string, `number-string` an integer in a string. */
export type FieldType =
  'string' | 'boolean' | 'integer' | 'object' | 'list' | 'strings' | 'time' | 'number-string'

/** The fields of a body by name; a `?` marks one that may be absent. */
export type Fields = Record<string, FieldType | `${FieldType}?`>

const tests: Record<FieldType, (value: unknown) => boolean> = {
  string: value => typeof value === 'string',
  boolean: value => typeof value === 'boolean',
  integer: value => Number.isInteger(value),
  object: value => typeName(value) === 'object',
  list: value => Array.isArray(value),
  strings: value => Array.isArray(value) && value.every(item => typeof item === 'string'),
  time: value => typeof value === 'string' && isTime(value),
  'number-string': value => typeof value === 'string' && /^-?\d+$/.test(value),
}

function isTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)
}

/** What is wrong with a body: fields that are missing, of the wrong type, or unknown. Never a value. */
export function complaints(body: Record<string, unknown>, fields: Fields): string[] {
  const wrong = Object.entries(fields).flatMap(([name, wanted]) =>
    complaint(body[name], name, wanted),
  )
  const unknown = Object.keys(body).filter(name => !(name in fields))
  return [...wrong, ...unknown.map(name => `${name} is not a known field`)]
}

function complaint(value: unknown, name: string, wanted: Fields[string]): string[] {
  const type = wanted.replace('?', '') as FieldType
  if (value === undefined) return wanted.endsWith('?') ? [] : [`${name} is missing`]
  return tests[type](value) ? [] : [`${name} must be ${type}, not ${typeName(value)}`]
}
