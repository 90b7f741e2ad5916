import { nearest, typeName } from '../../schemas.js'
import {
  agentRules,
  boolean,
  lines,
  positive,
  text,
  textMap,
  type Blame,
  type Path,
} from './pipeline-values.js'
import { pluginList, type Plugin } from './plugins.js'

/** A step that something else may wait for. */
export interface Dependency {
  step: string
  allowFailure: boolean
}

/** When a failed job of the step is run again by itself. */
export interface RetryRule {
  exitStatus: number | '*'
  limit: number
}

/** A step that becomes jobs. `agents` are rules `key=value`. */
export interface CommandStep {
  kind: 'command'
  key?: string
  label?: string
  command: string
  env: Record<string, string>
  agents?: string[] | undefined
  image?: string | undefined
  plugins: Plugin[]
  artifactPaths: string[]
  /** Nothing: the step waits for the `wait` before it. */
  dependsOn?: Dependency[]
  parallelism: number
  timeoutInMinutes?: number
  retry: RetryRule[]
  softFail: boolean
  /** The step as it was written, for the `step` of the job. */
  source: Record<string, unknown>
}

/** A step that holds the steps after it until all before it are over. */
export interface WaitStep {
  kind: 'wait'
  key?: string
  continueOnFailure: boolean
}

/** A step of a pipeline. */
export type PipelineStep = CommandStep | WaitStep

const commandKeys = [
  'command',
  'commands',
  'label',
  'name',
  'key',
  'id',
  'identifier',
  'type',
  'env',
  'agents',
  'image',
  'plugins',
  'artifact_paths',
  'depends_on',
  'allow_dependency_failure',
  'parallelism',
  'timeout_in_minutes',
  'retry',
  'soft_fail',
  'priority',
  'cache',
  'secrets',
  'notify',
  'signature',
  'checkout',
]

const unsupportedKeys = [
  'block',
  'manual',
  'input',
  'trigger',
  'group',
  'matrix',
  'if',
  'if_changed',
  'branches',
  'skip',
  'concurrency',
  'concurrency_group',
  'concurrency_method',
]

const waitKeys = [
  'wait',
  'waiter',
  'type',
  'continue_on_failure',
  'key',
  'id',
  'identifier',
  'label',
  'name',
]

/** Reads one step. @throws Problem PIPELINE_FILE, made by `blame` */
export function parseStep(value: unknown, path: Path, blame: Blame): PipelineStep {
  if (value === 'wait' || value === 'waiter') return { kind: 'wait', continueOnFailure: false }
  if (typeName(value) !== 'object') {
    throw blame(path, { wanted: 'a command step (a map) or wait', found: stepFound(value) })
  }
  const step = value as Record<string, unknown>
  const isWait = 'wait' in step || 'waiter' in step || step['type'] === 'wait'
  refuseKeys(step, isWait ? waitKeys : commandKeys, path, blame)
  return isWait ? waitStep(step, path, blame) : commandStep(step, path, blame)
}

function stepFound(value: unknown): string {
  return value === 'block' || value === 'input'
    ? `a ${value} step, which this sandbox does not have`
    : typeName(value)
}

function refuseKeys(
  step: Record<string, unknown>,
  known: string[],
  path: Path,
  blame: Blame,
): void {
  for (const key of Object.keys(step)) {
    if (known.includes(key)) continue
    if (unsupportedKeys.includes(key)) {
      const wanted = 'what this sandbox has: command steps, wait, depends_on, parallelism'
      throw blame([...path, key], {
        wanted,
        found: `${key}, which Buildkite knows and this sandbox does not`,
      })
    }
    const near = nearest(key, known)
    throw blame([...path, key], {
      wanted: `one of: ${known.toSorted().join(', ')}`,
      found: `the unknown key ${JSON.stringify(key)}`,
      hint: near === undefined ? 'remove the key' : `did you mean ${near}?`,
    })
  }
}

function waitStep(step: Record<string, unknown>, path: Path, blame: Blame): WaitStep {
  const inner = typeName(step['wait']) === 'object' ? (step['wait'] as Record<string, unknown>) : {}
  const flag = step['continue_on_failure'] ?? inner['continue_on_failure'] ?? false
  return {
    kind: 'wait',
    ...optional('key', keyOf(step, path, blame)),
    continueOnFailure: boolean(flag, [...path, 'continue_on_failure'], blame),
  }
}

function commandStep(step: Record<string, unknown>, path: Path, blame: Blame): CommandStep {
  const at = (key: string) => [...path, key]
  const plugins = pluginList(step['plugins'] ?? [])
  if (!plugins) {
    throw blame(at('plugins'), { wanted: 'a list of plugins', found: typeName(step['plugins']) })
  }
  const command = lines(step['command'] ?? step['commands'], at('command'), blame).join('\n')
  if (command === '' && plugins.length === 0) {
    throw blame(at('command'), { wanted: 'a command or plugins', found: 'neither' })
  }
  return {
    kind: 'command',
    ...optional('key', keyOf(step, path, blame)),
    ...optional('label', text(step['label'] ?? step['name'], at('label'), blame)),
    command,
    env: textMap(step['env'], at('env'), blame),
    agents: agentRules(step['agents'], at('agents'), blame),
    image: text(step['image'], at('image'), blame),
    plugins,
    artifactPaths: artifactPaths(step['artifact_paths'], at('artifact_paths'), blame),
    ...optional('dependsOn', dependencies(step, at('depends_on'), blame)),
    parallelism: positive(step['parallelism'] ?? 1, at('parallelism'), blame),
    ...optional(
      'timeoutInMinutes',
      timeout(step['timeout_in_minutes'], at('timeout_in_minutes'), blame),
    ),
    retry: retryRules(step['retry'], at('retry'), blame),
    softFail: Boolean(step['soft_fail']),
    source: { ...step, ...(command === '' ? {} : { command }), plugins },
  }
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]?: Value })
}

function keyOf(step: Record<string, unknown>, path: Path, blame: Blame): string | undefined {
  return text(step['key'] ?? step['id'] ?? step['identifier'], [...path, 'key'], blame)
}

function timeout(value: unknown, path: Path, blame: Blame): number | undefined {
  return value === undefined || value === null ? undefined : positive(value, path, blame)
}

function artifactPaths(value: unknown, path: Path, blame: Blame): string[] {
  return lines(value, path, blame).flatMap(line => line.split(';').map(part => part.trim()))
}

function dependencies(
  step: Record<string, unknown>,
  path: Path,
  blame: Blame,
): Dependency[] | undefined {
  if (!('depends_on' in step)) return undefined
  const all = step['allow_dependency_failure'] === true
  return [step['depends_on'] ?? []].flat().map((item: unknown) => {
    if (typeof item === 'string') return { step: item, allowFailure: all }
    const { step: key, allow_failure: allow } = (item ?? {}) as {
      step?: unknown
      allow_failure?: unknown
    }
    if (typeof key === 'string') return { step: key, allowFailure: all || allow === true }
    throw blame(path, {
      wanted: 'the key of a step, or a map with the key step',
      found: typeName(item),
    })
  })
}

function retryRules(value: unknown, path: Path, blame: Blame): RetryRule[] {
  const automatic = (value as { automatic?: unknown } | null | undefined)?.automatic
  if (automatic === undefined || automatic === null || automatic === false) return []
  if (automatic === true) return [{ exitStatus: '*', limit: 2 }]
  return [automatic].flat().flatMap((rule: unknown) => {
    const { exit_status: status = '*', limit = 2 } = rule as {
      exit_status?: unknown
      limit?: unknown
    }
    return [status].flat().map(one => ({
      exitStatus: exitStatus(one, [...path, 'automatic', 'exit_status'], blame),
      limit: positive(limit, [...path, 'automatic', 'limit'], blame),
    }))
  })
}

function exitStatus(value: unknown, path: Path, blame: Blame): number | '*' {
  if (value === '*' || Number.isInteger(value)) return value as number | '*'
  throw blame(path, { wanted: 'a whole number or *', found: typeName(value) })
}
