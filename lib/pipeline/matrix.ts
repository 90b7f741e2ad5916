import type { CommandStep } from './command-step.js'
import { isMap } from './values.js'
import { withTexts } from './texts.js'

/** A step of a matrix for one combination of its values, which are told in `values` (`os=linux, arch=arm64`). */
export interface Expanded {
  step: CommandStep
  values?: string
}

type Combination = Record<string, string>

// The one dimension of a matrix that is a plain list.
const unnamed = ''

/** The step once for each combination of its `matrix` (adjustments included); the step itself when it has none. */
export function expandMatrix(step: CommandStep): Expanded[] {
  const found = combinations(step.source['matrix'])
  if (found.length === 0) return [{ step }]
  return found.map(values => ({
    step: withTexts(step, text => withValues(text, values)),
    values: Object.entries(values)
      .map(([name, value]) => (name === unnamed ? value : `${name}=${value}`))
      .join(', '),
  }))
}

function withValues(text: string, values: Combination): string {
  return text.replaceAll(
    /\{\{\s*matrix(?:\.([\w-]+))?\s*\}\}/g,
    (found: string, name: string = unnamed) => values[name] ?? found,
  )
}

function combinations(matrix: unknown): Combination[] {
  const setup = isMap(matrix) ? matrix['setup'] : matrix
  const adjustments =
    isMap(matrix) && Array.isArray(matrix['adjustments']) ? matrix['adjustments'] : []
  return (adjustments as unknown[])
    .filter(isMap)
    .reduce<Combination[]>((all, one) => adjusted(all, one), product(dimensions(setup)))
}

function dimensions(setup: unknown): Record<string, unknown> {
  if (Array.isArray(setup)) return { [unnamed]: setup as unknown[] }
  return isMap(setup) ? setup : {}
}

function product(setup: Record<string, unknown>): Combination[] {
  const lists = Object.entries(setup).map(([name, values]): [string, unknown[]] => [
    name,
    [values].flat(),
  ])
  if (lists.length === 0) return []
  return lists.reduce<Combination[]>(
    (all, [name, values]) =>
      all.flatMap(one => values.map(value => ({ ...one, [name]: String(value) }))),
    [{}],
  )
}

function adjusted(all: Combination[], adjustment: Record<string, unknown>): Combination[] {
  const given = adjustment['with']
  const fields = isMap(given) ? given : { [unnamed]: given }
  const wanted = Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, String(value)]),
  )
  const isWanted = (one: Combination) =>
    Object.entries(wanted).every(([name, value]) => one[name] === value)
  const skip = adjustment['skip'] ?? false
  if (skip !== false) return all.filter(one => !isWanted(one))
  return all.some(isWanted) ? all : [...all, wanted]
}
