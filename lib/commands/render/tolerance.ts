import { hasVariable } from '../../pipeline/interpolate.js'
import { valueAt, type Fault, type Source } from '../../pipeline/source.js'

/** Whether `pipeline upload` fills in what is at fault: what it will be is not known. */
export function isFilledIn(source: Source, { path }: Fault): boolean {
  const value = valueAt(source.value, path)
  return typeof value === 'string' && hasVariable(value)
}

/** Whether it is a key of a step that is like no other: Buildkite may have learned it since. */
export function isTolerated({ found = '', hint }: Fault): boolean {
  return found.startsWith('the unknown key') && hint === 'remove the key'
}
