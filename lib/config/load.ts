import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import convict from 'convict'
import { messageOf, Problem } from '../errors.js'
import type { LogLevel } from '../log.js'
import { nearest } from '../schemas.js'
import { readConfigFile, type Sourced } from './file.js'
import { addFormats, listenAddress, type ListenAddress } from './formats.js'
import { options, type Option, type OptionName } from './schema.js'

/** What an operator set, checked and frozen. Durations are milliseconds; `undefined` is unset. */
export interface Config {
  token: string
  endpoint: string
  tags: readonly string[]
  name: string
  /** `name` without the slot's number: what the ledger and the Jobs are labelled with. */
  instance: string
  maxInFlight: number
  namespace: string
  kubeconfig: string | undefined
  context: string | undefined
  ledgerNamespace: string | undefined
  agentImage: string
  gatewayListen: ListenAddress
  gatewayUrl: string | undefined
  jobTtl: number
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never' | undefined
  shutdownGrace: number
  logLevel: LogLevel
}

type Values = Partial<Record<OptionName, unknown>>

/**
 * Flags over environment over config file over defaults, each value checked where it came from.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE, TOKEN_FILE.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const flags = parseFlags(argv)
  const file = flags.config ?? env['JOB_SPAWNER_CONFIG']
  const fromFile = file === undefined ? {} : readConfigFile(file, Object.keys(options))
  const values: Values = {}
  for (const name of Object.keys(options) as OptionName[]) {
    values[name] = checked(name, sourced(name, flags.values, env, fromFile))
  }
  return freeze(values)
}

/** The flags of `run` as Node's own parser wants them; `sandbox` takes some of the same. */
export function parseFlags(argv: readonly string[]): {
  values: Values
  config: string | undefined
} {
  const known = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [
      name,
      { type: 'string' as const, multiple: 'repeatable' in option },
    ]),
  )
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { ...known, config: { type: 'string' as const, multiple: false } },
      allowPositionals: false,
    })
    const { config, ...rest } = values
    return { values: rest, config: config }
  } catch (error) {
    throw flagProblem(error, [...Object.keys(known), 'config'])
  }
}

/** A parser's complaint as ours, with the nearest known flag; it never quotes a flag's value. */
export function flagProblem(error: unknown, known: readonly string[]): Problem {
  const unknown = /Unknown option '(-{1,2}[^'\s=]+)/.exec(messageOf(error))?.[1]
  const positional = (error as { code?: string }).code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL'
  if (positional) {
    return new Problem('USAGE', 'an argument stands where only flags can', {
      wanted: '--flag value',
      hint: 'write each setting as --flag value; see job-spawner --help',
    })
  }
  if (unknown === undefined) {
    const flag = /'(-{1,2}[\w-]+)/.exec(messageOf(error))?.[1]
    return new Problem('USAGE', 'a flag has no usable value', {
      where: flag,
      wanted: '--flag value, or --flag=value when the value begins with a dash',
      hint: 'see job-spawner --help',
    })
  }
  const near = nearest(unknown.replace(/^-+/, ''), known)
  return new Problem('USAGE', 'unknown flag', {
    where: unknown,
    wanted: `one of: ${known.map(name => `--${name}`).join(' ')}`,
    found: unknown,
    hint: near === undefined ? 'see job-spawner --help' : `did you mean --${near}?`,
  })
}

function sourced(
  name: OptionName,
  flags: Values,
  env: NodeJS.ProcessEnv,
  file: Record<string, Sourced>,
): Sourced | undefined {
  const option: Option = options[name]
  if (flags[name] !== undefined) return { value: flags[name], where: `--${name}` }
  // An empty variable is how most shells and charts say "unset".
  if (env[option.env]) return { value: env[option.env], where: option.env }
  return file[name]
}

function checked(name: OptionName, source: Sourced | undefined): unknown {
  addFormats()
  const option: Option = options[name]
  const config = convict<Record<string, unknown>>(
    {
      [name]: { doc: option.doc, format: option.format, default: option.default },
    },
    { env: {}, args: [] },
  )
  try {
    config.set(name, source?.value ?? option.default)
    // The host name is the default of `name`, and no part of the schema, because a schema is plain data.
    if (source !== undefined || option.default !== '') config.validate({ allowed: 'strict' })
  } catch (error) {
    throw new Problem('CONFIG_INVALID', `${name} can't be used`, {
      where: source?.where,
      wanted: wantedOf(option, error),
      found:
        option.sensitive === true ? 'something else (not shown)' : JSON.stringify(source?.value),
      hint: option.doc,
      cause: undefined,
    })
  }
  return config.get(name)
}

function wantedOf(option: Option, error: unknown): string {
  if (Array.isArray(option.format)) return `one of: ${option.format.filter(Boolean).join(', ')}`
  // convict: "name: what our format wanted: value was …"
  return messageOf(error)
    .replace(/^[^:]*: /, '')
    .replace(/: value was[^]*$/, '')
}

function freeze(values: Values): Config {
  const name = (values.name as string) || `${hostname()}-%i`
  const optional = <T>(value: unknown) => (value ?? undefined) as T | undefined
  return Object.freeze({
    token: token(values),
    endpoint: (values.endpoint as string).replace(/\/+$/, ''),
    tags: Object.freeze(values.tags as string[]),
    name: name.includes('%i') || values['max-in-flight'] === 1 ? name : `${name}-%i`,
    instance: instanceOf(name),
    maxInFlight: values['max-in-flight'] as number,
    namespace: values.namespace as string,
    kubeconfig: optional<string>(values.kubeconfig),
    context: optional<string>(values.context),
    ledgerNamespace: optional<string>(values['ledger-namespace']),
    agentImage: values['agent-image'] as string,
    gatewayListen: listenAddress(values['gateway-listen']) as ListenAddress,
    gatewayUrl: optional<string>(values['gateway-url'])?.replace(/\/+$/, ''),
    jobTtl: values['job-ttl'] as number,
    imagePullPolicy: optional<'Always' | 'IfNotPresent' | 'Never'>(values['image-pull-policy']),
    shutdownGrace: values['shutdown-grace'] as number,
    logLevel: values['log-level'] as LogLevel,
  })
}

/** The installation's name as a label's value: the agents' name without the slot's number. */
export function instanceOf(name: string): string {
  const clean = name
    .replaceAll('%i', '')
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .slice(0, 40)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
  return clean === '' ? 'job-spawner' : clean
}

function token(values: Values): string {
  const given = values.token as string | null
  const file = values['token-file'] as string | null
  if (given !== null && file !== null) {
    throw new Problem('CONFIG_INVALID', 'the agent token is given twice', {
      where: '--token and --token-file',
      wanted: 'one of the two',
      found: 'both',
      hint: 'remove one of them',
    })
  }
  if (given !== null) return cleanToken(given, options.token.env)
  if (file !== null) return cleanToken(readToken(file), file)
  throw new Problem('CONFIG_INVALID', 'there is no agent token', {
    where: '--token, --token-file, BUILDKITE_AGENT_TOKEN, BUILDKITE_AGENT_TOKEN_FILE',
    wanted: 'the agent token of the Buildkite cluster',
    found: 'none of them is set',
    hint: 'create one at Buildkite under Agents, your cluster, Agent tokens',
  })
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Problem('TOKEN_FILE', "the token file can't be read", {
      where: file,
      wanted: 'a file that holds the agent token',
      found: messageOf(error),
      hint: 'check the path and its permissions',
    })
  }
}

function cleanToken(text: string, where: string): string {
  const clean = text.trim()
  if (/^[\x21-\x7e]+$/.test(clean)) return clean
  throw new Problem('TOKEN_FILE', "the agent token can't be used", {
    where,
    wanted: 'one line of printable characters without spaces',
    found: clean === '' ? 'nothing' : 'spaces, line breaks or other characters in it',
    hint: 'copy the token again, and nothing else',
  })
}
