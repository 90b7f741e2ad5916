import { parseArgs } from 'node:util'
import { messageOf, Problem } from '../errors.js'
import { nearest } from '../schemas.js'
import { options, type OptionName } from './schema.js'

/** Raw values by setting. */
export type Values = Partial<Record<OptionName, unknown>>

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
