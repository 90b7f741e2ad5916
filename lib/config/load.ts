import { Problem } from '../errors.js'
import type { Config, PodConfig } from './config.js'
import { distinct, problemOf, type Fault, type Path } from './fault.js'
import { readConfigFile, type Sourced } from './file.js'
import { parseFlags, type Values } from './flags.js'
import { ruleFaults } from './rules.js'
import { checkedValue } from './scalar.js'
import {
  isStructure,
  options,
  structures,
  type Option,
  type OptionName,
  type StructureName,
} from './schema.js'
import { shapeFaults } from './shape.js'
import { agentToken } from './token.js'
import { typed } from './typed.js'

/**
 * Flags over environment over config file over defaults, each value checked where it came from, and then all together.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE, TOKEN_FILE.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const values = checkedValues(argv, env)
  const token = agentToken({
    given: values.token as string | null,
    file: values['token-file'] as string | null,
  })
  return deeplyFrozen({ token, ...typed(values) })
}

/**
 * The same settings, checked the same way, for what makes pods without speaking to Buildkite. The token may be missing,
 * and is not read.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE.
 */
export function loadPodConfig(argv: readonly string[], env: NodeJS.ProcessEnv): PodConfig {
  return deeplyFrozen(typed(checkedValues(argv, env)))
}

function checkedValues(argv: readonly string[], env: NodeJS.ProcessEnv): Values {
  const flags = parseFlags(argv)
  refuseVariables(env)
  const file = flags.config ?? (env['JOB_SPAWNER_CONFIG'] || undefined)
  const fromFile = file === undefined ? {} : readConfigFile(file, Object.keys(options))
  const sources: Partial<Record<OptionName, Sourced>> = {}
  const values: Values = {}
  for (const name of Object.keys(options) as OptionName[]) {
    sources[name] = sourced(name, flags.values, env, fromFile)
    values[name] = checkedValue(name, sources[name])
  }
  const faults = faultsIn(values)
  const place = (path: Path) => placeOf(path, sources)
  if (faults.length > 0) throw problemOf(faults, place)
  return values
}

function faultsIn(values: Values): Fault[] {
  const shapes = structures().flatMap(([name, option]) =>
    values[name] === null ? [] : shapeFaults(name, option, values[name]),
  )
  return distinct([...ruleFaults(values), ...shapes])
}

function placeOf(path: Path, sources: Partial<Record<OptionName, Sourced>>): string {
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

// Nobody should believe that it works.
function refuseVariables(env: NodeJS.ProcessEnv): void {
  const variable = (name: StructureName) => `JOB_SPAWNER_${name.toUpperCase().replaceAll('-', '_')}`
  const [name] = structures().find(([key]) => env[variable(key)]) ?? []
  if (name === undefined) return
  throw new Problem('CONFIG_INVALID', `${name} can't be set by a variable`, {
    where: variable(name),
    wanted: `${name} in the config file`,
    found: 'a variable',
    hint: `unset the variable, and write ${name} in the file that --config names`,
  })
}

// Runs share it: a pod builder that wrote into it would change the next job's pod.
function deeplyFrozen<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deeplyFrozen(part as object)
  }
  return Object.freeze(value)
}
