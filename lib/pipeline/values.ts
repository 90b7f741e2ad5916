import type { Evidence } from '../errors.js'
import { typeName } from '../schemas.js'
import type { Path } from './source.js'

/** Takes note of a value that is not as it should be. */
export type Report = (path: Path, evidence: Pick<Evidence, 'wanted' | 'found' | 'hint'>) => void

/** A string; nothing when there is none, or none that can be used. */
export function text(value: unknown, path: Path, report: Report): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  report(path, { wanted: 'string', found: typeName(value) })
  return undefined
}

/** A boolean; false when it cannot be used. */
export function boolean(value: unknown, path: Path, report: Report): boolean {
  if (typeof value === 'boolean') return value
  report(path, { wanted: 'boolean', found: typeName(value) })
  return false
}

/** A whole number above 0; 1 when it cannot be used. */
export function positive(value: unknown, path: Path, report: Report): number {
  if (Number.isInteger(value) && (value as number) > 0) return value as number
  report(path, { wanted: 'a whole number above 0', found: typeName(value) })
  return 1
}

/** A string, or a list of them. */
export function lines(value: unknown, path: Path, report: Report): string[] {
  if (value === undefined || value === null) return []
  if (typeof value === 'string') return [value]
  if (Array.isArray(value) && value.every(line => typeof line === 'string')) return value
  report(path, { wanted: 'a string or a list of strings', found: typeName(value) })
  return []
}

/** A map of strings; numbers and booleans become strings. */
export function textMap(value: unknown, path: Path, report: Report): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isMap(value)) {
    report(path, { wanted: 'a map of strings', found: typeName(value) })
    return {}
  }
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, scalarText(item, [...path, key], report)]),
  )
}

function scalarText(value: unknown, path: Path, report: Report): string {
  if (value === null) return ''
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value)
  report(path, { wanted: 'string', found: typeName(value) })
  return ''
}

/** Agent rules as `key=value`, from a map or a list. Nothing when there are none. */
export function agentRules(value: unknown, path: Path, report: Report): string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) {
    return Object.entries(textMap(value, path, report)).map(([key, item]) => `${key}=${item}`)
  }
  return value.flatMap((rule: unknown, index) => {
    if (typeof rule === 'string' && rule.includes('=')) return [rule]
    const wanted = 'a string of the form key=value'
    const found = typeof rule === 'string' ? 'a string without =' : typeName(rule)
    report([...path, index], { wanted, found })
    return []
  })
}

/** Whether it is a map, as JSON and YAML have them. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeName(value) === 'object'
}
