import type { Evidence, Problem } from '../../errors.js'
import { typeName } from '../../schemas.js'

/** The way to a value in a pipeline. */
export type Path = readonly (string | number)[]

/** Makes the problem of a place in the pipeline. */
export type Blame = (path: Path, evidence: Evidence) => Problem

/** A string, or nothing. @throws Problem made by `blame` */
export function text(value: unknown, path: Path, blame: Blame): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  throw blame(path, { wanted: 'string', found: typeName(value) })
}

/** A boolean. @throws Problem made by `blame` */
export function boolean(value: unknown, path: Path, blame: Blame): boolean {
  if (typeof value === 'boolean') return value
  throw blame(path, { wanted: 'boolean', found: typeName(value) })
}

/** A whole number above 0. @throws Problem made by `blame` */
export function positive(value: unknown, path: Path, blame: Blame): number {
  if (Number.isInteger(value) && (value as number) > 0) return value as number
  throw blame(path, { wanted: 'a whole number above 0', found: typeName(value) })
}

/** A string, or a list of them. @throws Problem made by `blame` */
export function lines(value: unknown, path: Path, blame: Blame): string[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every(line => typeof line === 'string')) return value
  throw blame(path, { wanted: 'a string or a list of strings', found: typeName(value) })
}

/** A map of strings; numbers and booleans become strings. @throws Problem made by `blame` */
export function textMap(value: unknown, path: Path, blame: Blame): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (typeName(value) !== 'object')
    throw blame(path, { wanted: 'a map of strings', found: typeName(value) })
  const entries = Object.entries(value as Record<string, unknown>)
  return Object.fromEntries(
    entries.map(([key, item]) => [key, scalarText(item, [...path, key], blame)]),
  )
}

function scalarText(value: unknown, path: Path, blame: Blame): string {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  throw blame(path, { wanted: 'string', found: typeName(value) })
}

/** Agent rules as `key=value`, from a map or a list. Nothing when there are none. */
export function agentRules(value: unknown, path: Path, blame: Blame): string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) {
    return Object.entries(textMap(value, path, blame)).map(([key, item]) => `${key}=${item}`)
  }
  return value.map((rule: unknown, index) => {
    if (typeof rule === 'string' && rule.includes('=')) return rule
    throw blame([...path, index], {
      wanted: 'a string of the form key=value',
      found: typeName(rule),
    })
  })
}
