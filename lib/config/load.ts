import { hostname } from 'node:os'
import convict from 'convict'
import { messageOf, Problem } from '../errors.js'
import type { LogLevel } from '../log.js'
import { readConfigFile, type Sourced } from './file.js'
import { parseFlags, type Values } from './flags.js'
import { addFormats, listenAddress, type ListenAddress } from './formats.js'
import { options, type Option, type OptionName } from './schema.js'
import { agentToken } from './token.js'

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

/**
 * Flags over environment over config file over defaults, each value checked where it came from.
 * @throws Problem USAGE (a flag), CONFIG_INVALID (a value), CONFIG_FILE, TOKEN_FILE.
 */
export function loadConfig(argv: readonly string[], env: NodeJS.ProcessEnv): Config {
  const flags = parseFlags(argv)
  const file = flags.config ?? (env['JOB_SPAWNER_CONFIG'] || undefined)
  const fromFile = file === undefined ? {} : readConfigFile(file, Object.keys(options))
  const values: Values = {}
  for (const name of Object.keys(options) as OptionName[]) {
    values[name] = checked(name, sourced(name, flags.values, env, fromFile))
  }
  return freeze(values)
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
    config.set(name, rawValue(option, source))
    // The host name is the default of `name`, and no part of the schema, because a schema is plain data.
    if (source !== undefined || option.default !== '') config.validate({ allowed: 'strict' })
  } catch (error) {
    throw new Problem('CONFIG_INVALID', `${name} can't be used`, {
      where: source?.where,
      wanted: wantedOf(option, error),
      found: option.sensitive === true ? 'something else (not shown)' : shown(source?.value),
      hint: option.doc,
      cause: undefined,
    })
  }
  return config.get(name)
}

// What stands before an @ in a URL may be a password.
function shown(value: unknown): string {
  return JSON.stringify(value ?? null).replace(/\/\/[^@/"]*@/g, '//…@')
}

// convict makes typed values of text alone, so lists and bare numbers of a file are handed to it as text.
function rawValue({ format, default: usual }: Option, source: Sourced | undefined): unknown {
  const value = source?.value ?? usual
  if (Array.isArray(value)) return value.join(',')
  return format === 'duration' && typeof value === 'number' ? String(value) : value
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
    token: agentToken({
      given: values.token as string | null,
      file: values['token-file'] as string | null,
    }),
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
