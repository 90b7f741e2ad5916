import { Problem } from '../errors.js'
import { nearest, typeName } from '../schemas.js'
import type { CommandStep } from './command-step.js'
import { pathText, type Fault, type Path, type Source } from './source.js'
import { readSteps, type PipelineStep } from './step.js'
import { agentRules, isMap, text, textMap, type Report } from './values.js'

/** A pipeline: the environment of all its steps, and the steps. */
export interface Pipeline {
  env: Record<string, string>
  steps: PipelineStep[]
}

/**
 * Reads a pipeline: a map with `steps`, or a list of steps. Every fault is found, in no order; what is faulty is left
 * out of the pipeline. Nothing is thrown.
 */
export function readPipeline(source: Source): { pipeline: Pipeline; faults: Fault[] } {
  const faults = [...source.faults]
  const empty = { env: {}, steps: [] }
  if (faults.length > 0) return { pipeline: empty, faults }
  const report: Report = (path, evidence) =>
    void faults.push({ path, message: messageFor(path), ...evidence })
  const top = topOf(source.value, report)
  if (!top) return { pipeline: empty, faults }
  const prefix = Array.isArray(source.value) ? [] : ['steps']
  const defaults = defaultsOf(top, report)
  const steps = readSteps(top.steps, prefix, report).map(step => withDefaults(step, defaults))
  const pipeline = { env: textMap(top.env, ['env'], report), steps }
  reportSameKeys(steps, report)
  return { pipeline, faults }
}

/** The fault as a problem. */
export function pipelineProblem(source: Source, fault: Fault): Problem {
  const { path, wanted, found, hint } = fault
  const line = (fault.position ?? source.position(path))?.line
  const place = `${source.name}${line === undefined ? '' : `, line ${line}`}`
  const key = pathText(path)
  const where = key === '' ? place : `${place}: ${key}`
  const message = source.faults.includes(fault)
    ? 'the pipeline is not valid YAML'
    : 'the pipeline cannot be used'
  return new Problem('PIPELINE_FILE', message, { where, wanted, found, hint })
}

/** The steps with those in groups in the place of the groups. */
export function flatSteps(
  steps: readonly PipelineStep[],
): Exclude<PipelineStep, { kind: 'group' }>[] {
  return steps.flatMap(step => (step.kind === 'group' ? flatSteps(step.steps) : [step]))
}

/** The steps that become jobs, in their order, those in groups too. */
export function commandSteps(pipeline: Pipeline): CommandStep[] {
  return flatSteps(pipeline.steps).filter(step => step.kind === 'command')
}

/** A fault for each step that waits for a step which this pipeline does not have. */
export function unknownDependencies(pipeline: Pipeline): Fault[] {
  const known = allSteps(pipeline.steps).flatMap(({ key }) => key ?? [])
  return commandSteps(pipeline).flatMap(({ path, dependsOn = [] }) =>
    dependsOn
      .filter(({ step }) => !known.includes(step))
      .map(({ step }): Fault => {
        const near = nearest(step, known)
        return {
          path: [...path, 'depends_on'],
          message: 'it waits for a step that is not in this file',
          found: `no step has the key ${JSON.stringify(step)}`,
          ...(near === undefined ? {} : { hint: `did you mean ${near}?` }),
        }
      }),
  )
}

function messageFor(path: Path): string {
  return path.length === 0 ? 'the pipeline cannot be used' : `${pathText(path)} cannot be used`
}

interface Top {
  steps: unknown[]
  env?: unknown
  agents?: unknown
  image?: unknown
}

function topOf(value: unknown, report: Report): Top | undefined {
  const top = Array.isArray(value) ? { steps: value as unknown[] } : value
  if (!isMap(top)) {
    report([], {
      wanted: 'a map with the key steps',
      found: value === null ? 'nothing' : typeName(value),
    })
    return undefined
  }
  const { steps } = top
  if (Array.isArray(steps) && steps.length > 0) return { ...top, steps }
  const type = steps === undefined ? 'no such key' : typeName(steps)
  const found = Array.isArray(steps) ? 'an empty list' : type
  report(['steps'], { wanted: 'a list of at least one step', found })
  return undefined
}

type Defaults = Pick<CommandStep, 'agents' | 'image'>

function defaultsOf(top: Top, report: Report): Defaults {
  return {
    agents: agentRules(top.agents, ['agents'], report),
    image: text(top.image, ['image'], report),
  }
}

function withDefaults(step: PipelineStep, defaults: Defaults): PipelineStep {
  if (step.kind === 'group') {
    return { ...step, steps: step.steps.map(inner => withDefaults(inner, defaults)) }
  }
  if (step.kind !== 'command') return step
  return { ...step, agents: step.agents ?? defaults.agents, image: step.image ?? defaults.image }
}

function allSteps(steps: readonly PipelineStep[]): PipelineStep[] {
  return steps.flatMap(step => (step.kind === 'group' ? [step, ...allSteps(step.steps)] : [step]))
}

function reportSameKeys(steps: readonly PipelineStep[], report: Report): void {
  const seen = new Set<string>()
  for (const { key, path } of allSteps(steps)) {
    if (key === undefined) continue
    if (seen.has(key)) {
      report([...path, 'key'], { wanted: 'a key of its own', found: `a second step ${key}` })
    }
    seen.add(key)
  }
}
