import { LineCounter, parseDocument } from 'yaml'
import { Problem } from '../../errors.js'
import { typeName } from '../../schemas.js'
import { parseStep, type CommandStep, type PipelineStep } from './pipeline-step.js'
import { agentRules, textMap, type Blame, type Path } from './pipeline-values.js'

/** A pipeline: the environment of all its steps, and the steps. */
export interface Pipeline {
  env: Record<string, string>
  steps: PipelineStep[]
}

/**
 * Reads a pipeline from YAML (or JSON, which is YAML). `source` names it in messages.
 * @throws Problem PIPELINE_FILE that says where (key and line), what was wanted and what was found.
 */
export function parsePipelineText(text: string, source = 'pipeline'): Pipeline {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true })
  const [error] = document.errors
  if (error) {
    const line = lines.linePos(error.pos[0]).line
    throw new Problem('PIPELINE_FILE', 'the pipeline is not valid YAML', {
      where: `${source}, line ${line}`,
      wanted: 'valid YAML',
      found: error.code,
      hint: error.message.split('\n')[0]?.replace(/:$/, '') ?? '',
    })
  }
  const lineOf = (path: Path) => {
    const node = document.getIn(path, true) as
      { range?: [number, number, number] | null } | undefined
    return node?.range ? lines.linePos(node.range[0]).line : undefined
  }
  return parsePipeline(document.toJS({ maxAliasCount: 100 }), source, lineOf)
}

/**
 * Reads a pipeline that is parsed already: a map with `steps`, or a list of steps.
 * @throws Problem PIPELINE_FILE
 */
export function parsePipeline(
  value: unknown,
  source = 'pipeline',
  lineOf: (path: Path) => number | undefined = () => undefined,
): Pipeline {
  const blame: Blame = (path, evidence) => {
    const line = lineOf(path)
    const place = `${source}${line === undefined ? '' : `, line ${line}`}`
    const key = path.reduce<string>((text, part) => text + keyText(part, text === ''), '')
    const where = key === '' ? place : `${place}: ${key}`
    return new Problem('PIPELINE_FILE', 'the pipeline cannot be used', { where, ...evidence })
  }
  const top = pipelineMap(value, blame)
  const prefix = Array.isArray(value) ? [] : ['steps']
  const steps = top.steps.map((step, index) => parseStep(step, [...prefix, index], blame))
  const pipeline = {
    env: textMap(top.env, ['env'], blame),
    steps: steps.map(step => (step.kind === 'command' ? withDefaults(step, top, blame) : step)),
  }
  refuseSameKeys(pipeline.steps, prefix, blame)
  return pipeline
}

function keyText(part: string | number, first: boolean): string {
  if (typeof part === 'number') return `[${part}]`
  return first ? part : `.${part}`
}

interface Top {
  steps: unknown[]
  env?: unknown
  agents?: unknown
  image?: unknown
}

function pipelineMap(value: unknown, blame: Blame): Top {
  const top = Array.isArray(value) ? { steps: value as unknown[] } : value
  if (typeName(top) !== 'object') {
    throw blame([], { wanted: 'a map with the key steps', found: typeName(value) })
  }
  const { steps } = top as { steps?: unknown }
  if (!Array.isArray(steps) || steps.length === 0) {
    const found = Array.isArray(steps)
      ? 'an empty list'
      : steps === undefined
        ? 'no such key'
        : typeName(steps)
    throw blame(['steps'], { wanted: 'a list of at least one step', found })
  }
  return top as Top
}

function withDefaults(step: CommandStep, top: Top, blame: Blame): CommandStep {
  if (top.image !== undefined && typeof top.image !== 'string') {
    throw blame(['image'], { wanted: 'string', found: typeName(top.image) })
  }
  return {
    ...step,
    agents: step.agents ?? agentRules(top.agents, ['agents'], blame),
    image: step.image ?? top.image,
  }
}

function refuseSameKeys(steps: readonly PipelineStep[], prefix: Path, blame: Blame): void {
  const seen = new Set<string>()
  for (const [index, step] of steps.entries()) {
    if (step.key === undefined) continue
    if (seen.has(step.key)) {
      throw blame([...prefix, index, 'key'], {
        wanted: 'a key of its own',
        found: `a second step ${step.key}`,
      })
    }
    seen.add(step.key)
  }
}
