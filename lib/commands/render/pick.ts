import { Problem } from '../../errors.js'
import { titleOf, type StepJob } from './step-jobs.js'

/**
 * The jobs that `--step` means: those of the step with that key, else of all steps with that label, else of the step
 * with that number (from 1). All of them when it is not given.
 * @throws Problem USAGE when it means none
 */
export function picked(jobs: readonly StepJob[], step: string | undefined): readonly StepJob[] {
  if (step === undefined) {
    if (jobs.length > 0) return jobs
    throw new Problem('PIPELINE_FILE', 'there is nothing to render', {
      wanted: 'a command step',
      found: 'none',
    })
  }
  const ways = [
    (job: StepJob) => job.key === step,
    (job: StepJob) => job.label === step,
    (job: StepJob) => String(job.number) === step,
  ]
  const found = ways.map(way => jobs.filter(way)).find(some => some.length > 0)
  if (found) return found
  throw new Problem('USAGE', 'there is no such step', {
    where: '--step',
    wanted: `a key, a label or a number of: ${[...new Set(jobs.map(titleOf))].join('; ')}`,
    found: JSON.stringify(step),
  })
}
