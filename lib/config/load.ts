import type { Config, PodConfig } from './config.js'
import { distinct, problemOf, type Fault, type Path } from './fault.js'
import { readConfigFile, type Sourced } from './file.js'
import { parseFlags, type Values } from './flags.js'
import { ruleFaults } from './rules.js'
import { checkedValues, type Sources } from './scalar.js'
import { isStructure, options, structures, type Option, type OptionName } from './schema.js'
import { shapeFaults } from './shape.js'
import { agentToken } from './token.js'
import { typed } from './typed.js'
import { refuseVariables } from './variables.js'

/**
 * Flags over environment over config file over defaults, each value checked where it came from, and then all together.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE, TOKEN_FILE.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const { values, sources } = valuesOf(argv, env)
  const token = agentToken({
    given: values.token as string | null,
    file: values['token-file'] as string | null,
    where: { given: sources.token?.where, file: sources['token-file']?.where },
  })
  return deeplyFrozen({ token, ...typed(values) })
}

/**
 * The same settings, checked the same way, for what makes pods without speaking to Buildkite. The token may be missing,
 * and is not read.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE.
 */
export function loadPodConfig(argv: readonly string[], env: NodeJS.ProcessEnv): PodConfig {
  return deeplyFrozen(typed(valuesOf(argv, env).values))
}

function valuesOf(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
): { values: Values; sources: Sources } {
  const flags = parseFlags(argv)
  refuseVariables(env)
  const file = flags.config ?? (env['JOB_SPAWNER_CONFIG'] || undefined)
  const fromFile = file === undefined ? {} : readConfigFile(file, Object.keys(options))
  const sources: Sources = {}
  for (const name of Object.keys(options) as OptionName[])
    sources[name] = sourced(name, flags.values, env, fromFile)
  const { values, faults: own } = checkedValues(sources)
  const faults = [...own, ...faultsIn(values)]
  const place = (path: Path) => placeOf(path, sources)
  if (faults.length > 0) throw problemOf(faults, place)
  return { values, sources }
}

function faultsIn(values: Values): Fault[] {
  const shapes = structures().flatMap(([name, option]) =>
    (values[name] ?? null) === null ? [] : shapeFaults(name, option, values[name]),
  )
  return distinct([...ruleFaults(values), ...shapes])
}

function placeOf(path: Path, sources: Sources): string {
  const source = sources[path[0] as OptionName]
  return source?.at?.(path) ?? source?.where ?? String(path[0])
}

function sourced(
  name: OptionName,
  flags: Values,
  env: NodeJS.ProcessEnv,
  file: Record<string, Sourced>,
): Sourced | undefined {
  const option: Option = options[name]
  if (isStructure(option)) return file[name]
  if (flags[name] !== undefined) return { value: flags[name], where: `--${name}` }
  // An empty variable is how most shells and charts say "unset".
  if (env[option.env]) return { value: env[option.env], where: option.env }
  return file[name]
}

// Runs share it: a pod builder that wrote into it would change the next job's pod.
function deeplyFrozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deeplyFrozen(part as object)
  }
  return Object.freeze(value)
}
