import type { Problem } from '../../errors.js'
import type { CommandStep } from '../../pipeline/command-step.js'
import { pipelineProblem, readPipeline, type Pipeline } from '../../pipeline/pipeline.js'
import { valueSource, yamlSource, type Path, type Source } from '../../pipeline/source.js'
import type { PipelineStep, WaitStep } from '../../pipeline/step.js'

/** A step that this emulator can run. */
export type RunnableStep = CommandStep | WaitStep

/** A pipeline of steps that this emulator can run. */
export interface RunnablePipeline extends Pipeline {
  steps: RunnableStep[]
}

/**
 * Reads a pipeline from YAML, or takes one that is parsed already. `source` names it in messages.
 * @throws Problem PIPELINE_FILE that says where, what was wanted and what was found.
 */
export function runnablePipeline(given: string | object, source = 'pipeline'): RunnablePipeline {
  const read = typeof given === 'string' ? yamlSource(given, source) : valueSource(given, source)
  const { pipeline, faults } = readPipeline(read)
  const unsupported = pipeline.steps.flatMap(step => refusedPath(step) ?? [])[0]
  if (unsupported) throw refusal(read, unsupported)
  if (faults[0]) throw pipelineProblem(read, faults[0])
  return { ...pipeline, steps: pipeline.steps.filter(isRunnable) }
}

const notHere = [
  ['block', 'manual', 'input', 'trigger', 'group', 'matrix', 'if', 'if_changed', 'branches'],
  ['skip', 'concurrency', 'concurrency_group', 'concurrency_method'],
].flat()

function refusedPath(step: PipelineStep): [Path] | undefined {
  const key = Object.keys(step.source).find(one => notHere.includes(one))
  return key === undefined ? undefined : [[...step.path, key]]
}

function refusal(source: Source, path: Path): Problem {
  const key = path.at(-1)
  return pipelineProblem(source, {
    path,
    message: '',
    wanted: 'what this sandbox has: command steps, wait, depends_on, parallelism',
    found: `${key}, which Buildkite knows and this sandbox does not`,
  })
}

function isRunnable(step: PipelineStep): step is RunnableStep {
  return step.kind === 'command' || step.kind === 'wait'
}
