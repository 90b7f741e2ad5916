import { typeName } from '../schemas.js'
import type { Path } from './source.js'
import { isMap, type Report } from './values.js'

/** Reports what is wrong with a step's `matrix`: a list of values, or a map with `setup` and `adjustments`. */
export function checkMatrix(matrix: unknown, path: Path, report: Report): void {
  if (matrix === undefined || matrix === null) return
  if (!isMap(matrix)) return checkList(matrix, path, report)
  const { setup, adjustments = [] } = matrix
  checkSetup(setup, [...path, 'setup'], report)
  const at = [...path, 'adjustments']
  if (!Array.isArray(adjustments)) {
    report(at, { wanted: 'a list of adjustments', found: typeName(adjustments) })
    return
  }
  for (const [index, one] of (adjustments as unknown[]).entries()) {
    if (isMap(one) && 'with' in one) continue
    const found = isMap(one) ? 'no such key' : typeName(one)
    report([...at, index], { wanted: 'a map with the key with', found })
  }
}

function checkSetup(setup: unknown, path: Path, report: Report): void {
  if (!isMap(setup)) return checkList(setup, path, report)
  for (const [name, values] of Object.entries(setup)) checkList(values, [...path, name], report)
}

function checkList(values: unknown, path: Path, report: Report): void {
  if (!Array.isArray(values)) {
    const found = values === undefined ? 'no such key' : typeName(values)
    report(path, { wanted: 'a list of values', found })
    return
  }
  for (const [index, value] of (values as unknown[]).entries()) {
    if (/^(string|number|boolean)$/.test(typeName(value))) continue
    report([...path, index], { wanted: 'a string, a number or a boolean', found: typeName(value) })
  }
}
