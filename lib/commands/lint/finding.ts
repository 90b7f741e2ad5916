import type { Fault, Position, Source } from '../../pipeline/source.js'

/** How bad it is: an error does not run, a warning may not do what was meant, a note is to be known. */
export type Severity = 'error' | 'warning' | 'note'

/** One thing about a file. Line and column are from 1. */
export interface Finding extends Partial<Position> {
  file: string
  severity: Severity
  message: string
  wanted?: string | undefined
  found?: string | undefined
  hint?: string | undefined
}

/** A fault of a document as a finding. */
export function findingOf(source: Source, fault: Fault, severity: Severity = 'error'): Finding {
  const { path, position, message, wanted, found, hint } = fault
  return {
    file: source.name,
    ...(position ?? source.position(path)),
    severity,
    message,
    wanted,
    found,
    hint,
  }
}

/** In the order of their places, each once. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const once = new Map(findings.map(finding => [findingText(finding), finding]))
  return [...once.values()].toSorted(
    (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
  )
}

// A longer list of what is wanted hides what is found; it is in the JSON all the same.
const longest = 160

/** `FILE:LINE:COLUMN: error: message (wanted …; found …; hint)`, in one line. */
export function findingText(finding: Finding): string {
  const { file, line, column, severity, message, wanted, found, hint } = finding
  const place = line === undefined ? file : `${file}:${line}:${column}`
  const details = [
    wanted === undefined || wanted.length > longest ? undefined : `wanted ${wanted}`,
    found === undefined ? undefined : `found ${found}`,
    hint,
  ].filter(detail => detail !== undefined && detail !== '')
  const more = details.length === 0 ? '' : ` (${details.join('; ')})`
  return `${place}: ${severity}: ${message}${more}`.replaceAll(/\s*\n\s*/g, ' ')
}

/** `2 errors, 1 warning in 3 files`; notes are not counted. */
export function summary(findings: readonly Finding[], files: number): string {
  const count = (severity: Severity) =>
    findings.filter(finding => finding.severity === severity).length
  const counted = [amount(count('error'), 'error'), amount(count('warning'), 'warning')]
  return `${counted.join(', ')} in ${amount(files, 'file')}`
}

function amount(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
