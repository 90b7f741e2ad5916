import { Problem } from '../errors.js'

/** The way to a value in the config file: keys, and in lists indexes. It begins with the setting's name. */
export type Path = readonly (string | number)[]

/** One thing that is wrong in a structured setting. Never with a value that may be secret. */
export interface Fault {
  path: Path
  wanted: string
  found: string
  hint?: string | undefined
}

/** The faults as one error, each with its place, in the order of the file. There is at least one. */
export function problemOf(faults: readonly Fault[], place: (path: Path) => string): Problem {
  const placed = faults
    .map(fault => ({ ...fault, where: place(fault.path) }))
    .toSorted((one, other) => order(one.where, other.where))
  const [first, ...others] = placed
  if (first === undefined) throw new Error('a problem without a fault')
  const { path, where, wanted, found, hint } = first
  if (others.length === 0) {
    return new Problem('CONFIG_INVALID', `${pathText(path)} can't be used`, {
      where,
      wanted: hint?.startsWith('did you mean') ? short(wanted) : wanted,
      found,
      hint,
    })
  }
  return new Problem('CONFIG_INVALID', `${faults.length} things in the settings can't be used`, {
    where: `${where} and below`,
    found: placed.map(fault => `\n    ${fault.where} ${faultText(fault)}`).join(''),
    hint: 'mend each of them',
  })
}

// FILE:LINE:COLUMN by its numbers; a flag or a variable has none and stands first.
function order(one: string, other: string): number {
  const [line, column] = numbers(one)
  const [otherLine, otherColumn] = numbers(other)
  return line - otherLine || column - otherColumn
}

function numbers(place: string): [number, number] {
  const match = /:(\d+):(\d+)$/.exec(place)
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)]
}

/** A path as people write it: `agent-config.additional-hooks[0].volume`. */
export function pathText([head = '', ...rest]: Path): string {
  return [String(head), ...rest.map(segment)].join('')
}

function segment(part: string | number): string {
  if (typeof part === 'number') return `[${part}]`
  return /^[\w$-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`
}

// The known keys of a PodSpec would fill the screen.
function short(wanted: string): string {
  return wanted.length > 120 ? `${wanted.slice(0, 120)}…` : wanted
}

function faultText({ path, wanted, found, hint }: Fault): string {
  return `${pathText(path)}: wanted ${short(wanted)}; found ${found}${hint === undefined ? '' : `; ${hint}`}`
}

/** Of several faults at one place the first: the rules know more of a place than its schema does. */
export function distinct(faults: readonly Fault[]): Fault[] {
  const byPlace = new Map(faults.toReversed().map(fault => [JSON.stringify(fault.path), fault]))
  return faults.filter(fault => byPlace.get(JSON.stringify(fault.path)) === fault)
}
