import { Problem } from '../../errors.js'
import { pipelineProblem, readPipeline } from '../../pipeline/pipeline.js'
import { faultPlace, inOrder, type Fault, type Source } from '../../pipeline/source.js'
import { isPayload, payloadJob, pipelineJobs, type JobContext, type StepJob } from './step-jobs.js'
import { isFilledIn, isTolerated } from './tolerance.js'
import type { RenderWords } from './words.js'

/**
 * The jobs of a pipeline, or of a payload. What Buildkite may know and we do not is told to `say`.
 * @throws Problem PIPELINE_FILE, JOB_INVALID
 */
export function jobsIn(
  source: Source,
  words: Pick<RenderWords, 'env' | 'interpolation'>,
  { tags, say }: { tags: readonly string[]; say: (text: string) => void },
): StepJob[] {
  const context: JobContext = { env: words.env, tags }
  if (isPayload(source.value)) return [payloadJob(source, context)]
  const { pipeline, faults } = readPipeline(source)
  const known = faults.filter(fault => !words.interpolation || !isFilledIn(source, fault))
  refuseFirst(source, known)
  for (const fault of inOrder(source, known)) {
    say(`${faultPlace(source, fault)}: warning: no such key is known here`)
  }
  const values: Record<string, string> = { ...pipeline.env, ...words.env }
  const lookup = (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined)
  return pipelineJobs(source, pipeline, words.interpolation ? { ...context, lookup } : context)
}

function refuseFirst(source: Source, faults: readonly Fault[]): void {
  const wrong = inOrder(source, faults).filter(fault => !isTolerated(fault))
  const [first, ...others] = wrong
  if (first === undefined) return
  const { code, message, wanted, found, hint } = pipelineProblem(source, first)
  const more = others.length === 0 ? '' : ` (and ${others.length} more: job-spawner lint)`
  const where = faultPlace(source, first)
  throw new Problem(code, `${message}${more}`, { where, wanted, found, hint })
}
