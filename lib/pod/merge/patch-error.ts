/** Where in a patch, or in what it is applied to, something is: keys and indexes. */
export type Path = readonly (string | number)[]

/** What is wrong with a patch, or with what it is applied to: names and kinds only, no values. */
export interface PatchFault {
  /** `original` when the fault is in what the patch is applied to. */
  in: 'patch' | 'original'
  path: Path
  wanted: string
  found: string
}

/** A strategic merge patch that cannot be applied. Whoever knows where the patch is from makes a `Problem` of it. */
export class PatchError extends Error {
  override readonly name = 'PatchError'
  readonly in: PatchFault['in']
  readonly path: Path
  readonly wanted: string
  readonly found: string

  constructor(fault: PatchFault) {
    super(`${[fault.in, ...fault.path].join('.')}: wanted ${fault.wanted}, found ${fault.found}`)
    this.in = fault.in
    this.path = fault.path
    this.wanted = fault.wanted
    this.found = fault.found
  }
}
