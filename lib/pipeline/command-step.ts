import { typeName } from '../schemas.js'
import { isPlugin, pluginList, type Plugin } from './plugins.js'
import { checkMatrix } from './matrix-shape.js'
import type { Path } from './source.js'
import type { StepBase } from './step-base.js'
import { agentRules, isMap, lines, positive, text, textMap, type Report } from './values.js'

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
export interface CommandStep extends StepBase {
  kind: 'command'
  /** The lines of `command` or `commands`, joined. */
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
}

/** Reads a command step, but for what all steps have. `source` is the step as a job's payload has it. */
export function commandStep(
  step: Record<string, unknown>,
  path: Path,
  report: Report,
): Omit<CommandStep, 'key' | 'label'> {
  const at = (key: string) => [...path, key]
  const plugins = pluginsOf(step['plugins'], at('plugins'), report)
  const key = step['command'] === undefined ? 'commands' : 'command'
  const command = lines(step[key], at(key), report).join('\n')
  // A command of another type is blamed for that alone.
  if ((step[key] ?? '') === '' && command === '' && plugins.length === 0) {
    report(at('command'), { wanted: 'a command or plugins', found: 'neither' })
  }
  checkMatrix(step['matrix'], at('matrix'), report)
  const dependsOn = dependencies(step, at('depends_on'), report)
  const timeout = step['timeout_in_minutes'] ?? undefined
  return {
    kind: 'command',
    path,
    command,
    env: textMap(step['env'], at('env'), report),
    agents: agentRules(step['agents'], at('agents'), report),
    image: text(step['image'], at('image'), report),
    plugins,
    artifactPaths: artifactPaths(step['artifact_paths'], at('artifact_paths'), report),
    ...(dependsOn ? { dependsOn } : {}),
    parallelism: positive(step['parallelism'] ?? 1, at('parallelism'), report),
    ...(timeout === undefined
      ? {}
      : { timeoutInMinutes: positive(timeout, at('timeout_in_minutes'), report) }),
    retry: retryRules(step['retry'], at('retry'), report),
    softFail: Boolean(step['soft_fail']),
    source: { ...step, ...(command === '' ? {} : { command }), plugins },
  }
}

function pluginsOf(value: unknown, path: Path, report: Report): Plugin[] {
  const plugins = pluginList(value ?? [])
  if (plugins) return plugins
  const wrong = Array.isArray(value) ? value.findIndex(one => !isPlugin(one)) : -1
  if (wrong < 0) report(path, { wanted: 'a list of plugins', found: typeName(value) })
  else {
    const wanted = "a plugin's name, or a map from its name to its settings"
    report([...path, wrong], { wanted, found: typeName((value as unknown[])[wrong]) })
  }
  return []
}

function artifactPaths(value: unknown, path: Path, report: Report): string[] {
  return lines(value, path, report).flatMap(line => line.split(';').map(part => part.trim()))
}

function dependencies(
  step: Record<string, unknown>,
  path: Path,
  report: Report,
): Dependency[] | undefined {
  if (!('depends_on' in step)) return undefined
  const all = step['allow_dependency_failure'] === true
  return [step['depends_on'] ?? []].flat().flatMap((item: unknown) => {
    if (typeof item === 'string') return [{ step: item, allowFailure: all }]
    const { step: key, allow_failure: allow } = isMap(item) ? item : {}
    if (typeof key === 'string') return [{ step: key, allowFailure: all || allow === true }]
    const wanted = 'the key of a step, or a map with the key step'
    report(path, { wanted, found: typeName(item) })
    return []
  })
}

function retryRules(value: unknown, path: Path, report: Report): RetryRule[] {
  const automatic = isMap(value) ? value['automatic'] : undefined
  if (automatic === undefined || automatic === null || automatic === false) return []
  if (automatic === true) return [{ exitStatus: '*', limit: 2 }]
  return [automatic].flat().flatMap((rule: unknown, index) => {
    const at = [...path, 'automatic', ...(Array.isArray(automatic) ? [index] : [])]
    const { exit_status: status = '*', limit = 2 } = isMap(rule) ? rule : {}
    return [status].flat().map(one => ({
      exitStatus: exitStatus(one, [...at, 'exit_status'], report),
      limit: positive(limit, [...at, 'limit'], report),
    }))
  })
}

function exitStatus(value: unknown, path: Path, report: Report): number | '*' {
  if (value === '*' || Number.isInteger(value)) return value as number | '*'
  report(path, { wanted: 'a whole number or *', found: typeName(value) })
  return '*'
}
