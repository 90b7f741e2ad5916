import { Problem } from '../../errors.js'
import { interpolate, type Lookup } from '../../pipeline/interpolate.js'
import type { CommandStep } from '../../pipeline/command-step.js'
import { stepEnv, tagsEnv, type Share } from '../../pipeline/job-env.js'
import { expandMatrix } from '../../pipeline/matrix.js'
import { commandSteps, type Pipeline } from '../../pipeline/pipeline.js'
import { pluginPath } from '../../pipeline/plugins.js'
import { faultPlace, valueAt, type Fault, type Path, type Source } from '../../pipeline/source.js'
import { deepTexts, withTexts } from '../../pipeline/texts.js'
import { isMap } from '../../pipeline/values.js'
import { typeName } from '../../schemas.js'
import type { AgentJob } from '../../types/agent-job.js'

/** A job that a step would become, or that was given as it is. */
export interface StepJob {
  /** The step's number in its file, from 1. */
  number: number
  key?: string | undefined
  label?: string | undefined
  /** What tells it from the other jobs of its step. */
  part?: string | undefined
  job: AgentJob
  places: Places
  /** Variables in its image and plugins that are not known here. */
  missing: string[]
}

/** Where in the file the parts of a job come from. */
export interface Places {
  source: Source
  step: Path
  command: Path
  image: Path
  /** The body of the kubernetes plugin. */
  plugin: Path
}

/** What a job has besides its step. */
export interface JobContext {
  /** Variables of the job, which win over its step's. */
  env: Record<string, string>
  /** The tags of our agents, `key=value`. */
  tags: readonly string[]
  /** The value of a variable in the pipeline; nothing when it is to stay. Without it all stay. */
  lookup?: Lookup
}

/** The jobs of a pipeline's command steps: one for each combination of a matrix, one for all parallel ones. */
export function pipelineJobs(source: Source, pipeline: Pipeline, context: JobContext): StepJob[] {
  const expanded = commandSteps(pipeline).flatMap((step, index) =>
    expandMatrix(step).map(one => ({ ...one, number: index + 1 })),
  )
  return expanded.map(({ step, values, number }, index) => {
    const missing = missingIn(step, context.lookup)
    const share = step.parallelism > 1 ? { parallelJob: 0 } : {}
    const parallel = step.parallelism > 1 ? `1 of ${step.parallelism} parallel jobs` : undefined
    const filled = withVariables(step, context.lookup)
    return {
      number,
      key: step.key,
      label: filled.label,
      part: values ?? parallel,
      job: stepJob(filled, { id: placeholderId(index + 1), share, pipeline, context }),
      places: placesOf(step, source),
      missing,
    }
  })
}

function withVariables(step: CommandStep, lookup: Lookup | undefined): CommandStep {
  return lookup ? withTexts(step, text => interpolate(text, lookup)) : step
}

function missingIn({ image, plugins }: CommandStep, lookup: Lookup | undefined): string[] {
  const missing = new Set<string>()
  const note = (text: string) => interpolate(text, lookup ?? (() => ''), name => missing.add(name))
  deepTexts([image, plugins], note)
  return [...missing]
}

function stepJob(
  step: CommandStep,
  given: { id: string; share: Share; pipeline: Pipeline; context: JobContext },
): AgentJob {
  const { id, share, pipeline, context } = given
  // The agent that gets the job has the tags that its step asks for; which tag a `*` stands for is not known.
  const rules = (step.agents ?? []).filter(rule => !rule.endsWith('=*'))
  const env = {
    ...pipeline.env,
    ...step.env,
    CI: 'true',
    BUILDKITE: 'true',
    BUILDKITE_JOB_ID: id,
    ...stepEnv(step, share),
    ...tagsEnv([...context.tags, ...rules]),
    ...context.env,
  }
  return { id, env, chunks_max_size_bytes: chunkBytes }
}

function placesOf({ path }: CommandStep, source: Source): Places {
  const isWritten = (at: Path) => valueAt(source.value, at) !== undefined
  const command = [...path, 'command']
  return {
    source,
    step: path,
    command: isWritten(command) ? command : [...path, 'commands'],
    image: [...path, 'image'],
    plugin: pluginPath(source.value, [...path, 'plugins']),
  }
}

const chunkBytes = 102_400

// A shape that no real job has, and yet a UUID.
function placeholderId(number: number): string {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
}

/** Whether a value is a job's payload, as accept answers it, and no pipeline. */
export function isPayload(value: unknown): value is Record<string, unknown> {
  if (!isMap(value) || 'steps' in value) return false
  // Keys that are always in a payload; and what somebody cut out of one.
  if ('chunks_max_size_bytes' in value || ('id' in value && 'env' in value)) return true
  return isMap(value['env']) && Object.keys(value['env']).some(name => name.startsWith('BUILDKITE'))
}

/** What of a payload cannot be used; nothing when it is fine. */
export function payloadFault({ value }: Source): Fault | undefined {
  const message = 'the payload cannot be used'
  const env = valueAt(value, ['env'])
  if (!isMap(env)) {
    const found = env === undefined ? 'no such key' : typeName(env)
    return { path: ['env'], message, wanted: "the job's environment, a map of strings", found }
  }
  const [name, wrong] = Object.entries(env).find(([, one]) => typeof one !== 'string') ?? []
  if (name === undefined) return undefined
  return { path: ['env', name], message, wanted: 'string', found: typeName(wrong) }
}

/** The job of a payload. @throws Problem JOB_INVALID when there is no environment, or a variable is no string */
export function payloadJob(source: Source, context: JobContext): StepJob {
  const fault = payloadFault(source)
  if (fault) {
    const { message, wanted, found } = fault
    const where = faultPlace(source, fault)
    throw new Problem('JOB_INVALID', message, { where, wanted, found })
  }
  const { id, env } = source.value as { id?: unknown; env: unknown }
  const given = env as Record<string, string>
  const all = { ...given, ...context.env }
  return {
    number: 1,
    key: all['BUILDKITE_STEP_KEY'],
    label: all['BUILDKITE_LABEL'],
    job: {
      id: typeof id === 'string' ? id : (given['BUILDKITE_JOB_ID'] ?? placeholderId(1)),
      env: all,
      chunks_max_size_bytes: chunkBytes,
    },
    places: {
      source,
      step: [],
      command: ['env', 'BUILDKITE_COMMAND'],
      image: ['env', 'BUILDKITE_IMAGE'],
      plugin: ['env', 'BUILDKITE_PLUGINS'],
    },
    missing: [],
  }
}

/** The job's name for people. */
export function titleOf({ number, key, label, part }: StepJob): string {
  const name = label ?? key
  const text = name === undefined ? `step ${number}` : `step ${number}: ${name}`
  const which = key !== undefined && label !== undefined ? ` (key ${key})` : ''
  // A line break in a label would end a comment, and a control character is refused by YAML's readers.
  return `${text}${which}${part === undefined ? '' : `, ${part}`}`.replaceAll(/[\s\p{Cc}]+/gu, ' ')
}
