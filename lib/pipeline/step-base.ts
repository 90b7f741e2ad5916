import type { Path } from './source.js'

/** What all steps have. */
export interface StepBase {
  key?: string
  label?: string
  /** Where in the pipeline it stands. */
  path: Path
  /** The step as it was written. */
  source: Record<string, unknown>
}
