import { parseArgs, type ParseArgsConfig } from 'node:util'
import { messageOf, Problem } from '../errors.js'
import { nearest } from '../schemas.js'
import { movedKey } from './moved.js'
import { scalars, structures, type OptionName } from './schema.js'

/** Raw values by setting. */
export type Values = Partial<Record<OptionName, unknown>>

// The flags of `run` as Node's own parser wants them. Arguments go through `completed` first.
function flagSpecs() {
  const specs = scalars().map(([name, option]) => [
    name,
    { type: 'string' as const, multiple: option.repeatable ?? false },
  ])
  return {
    ...(Object.fromEntries(specs) as Record<string, { type: 'string'; multiple: boolean }>),
    config: { type: 'string' as const, multiple: false },
  }
}

/**
 * The arguments with a value for each flag that is a yes or no: `--flag`, `--flag true` and `--flag=true` are the same,
 * and so are `--flag false` and `--flag=false`.
 */
function completed(argv: readonly string[]): string[] {
  const switches = scalars().filter(([, { format }]) => format === 'boolean')
  const bare = new Set(switches.map(([name]) => `--${name}`))
  const hasValue = (index: number) => /^(true|false)$/.test(argv[index + 1] ?? '')
  return argv.map((word, index) => (bare.has(word) && !hasValue(index) ? `${word}=true` : word))
}

/**
 * The words of a verb that has flags of its own beside those of `run`: its own flags' values, its other words, and the
 * flags of `run` as they are passed on to `loadPodConfig`.
 * @throws Problem USAGE.
 */
export function parseFlagsBeside<const Own extends Specs>(
  argv: readonly string[],
  own: Own,
): { values: OwnValues<Own>; positionals: string[]; flags: string[] } {
  const options: Specs = { ...flagSpecs(), ...own }
  try {
    const args = completed(argv)
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
    const entries = Object.entries(values)
    return {
      values: Object.fromEntries(entries.filter(([name]) => name in own)) as OwnValues<Own>,
      positionals,
      flags: entries
        .filter(([name]) => !(name in own))
        .flatMap(([name, value]) => [value].flat().map(one => `--${name}=${String(one)}`)),
    }
  } catch (error) {
    throw flagProblem(error, [...Object.keys(own), ...Object.keys(flagSpecs())])
  }
}

type Specs = NonNullable<ParseArgsConfig['options']>

type OwnValues<Own extends Specs> = ReturnType<
  typeof parseArgs<{ options: Own; allowPositionals: true }>
>['values']

/**
 * The raw values of the flags of `run`, and the config file that they name.
 * @throws Problem USAGE.
 */
export function parseFlags(argv: readonly string[]): {
  values: Values
  config: string | undefined
} {
  const specs = flagSpecs()
  try {
    const { values } = parseArgs({ args: completed(argv), options: specs, allowPositionals: false })
    const { config, ...rest } = values
    return { values: rest, config: config as string | undefined }
  } catch (error) {
    throw flagProblem(error, Object.keys(specs), completed(argv))
  }
}

/**
 * A parser's complaint as ours, with the nearest known flag; it never quotes a flag's value, nor a word among the flags,
 * for that may be one too.
 */
export function flagProblem(
  error: unknown,
  known: readonly string[],
  argv: readonly string[] = [],
): Problem {
  const unknown = /Unknown option '(-{1,2}[^'\s=]+)/.exec(messageOf(error))?.[1]
  const positional = (error as { code?: string }).code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL'
  if (positional) {
    const before = flagBefore(messageOf(error), argv)
    return new Problem('USAGE', 'an argument stands where only flags can', {
      where: before === undefined ? undefined : `after ${before}`,
      wanted: '--flag value',
      hint: `write each setting as --flag value; ${seeHelp}`,
    })
  }
  if (unknown === undefined) {
    const flag = /'(-{1,2}[\w-]+)/.exec(messageOf(error))?.[1]
    return new Problem('USAGE', 'a flag has no usable value', {
      where: flag,
      wanted: '--flag value, or --flag=value when the value begins with a dash',
      hint: seeHelp,
    })
  }
  return unknownFlag(unknown, known)
}

const seeHelp = 'see job-spawner VERB --help'

// Where the word stands, as it can't be shown.
function flagBefore(complaint: string, argv: readonly string[]): string | undefined {
  const word = /'([^]*)'/.exec(complaint)?.[1]
  const before = word === undefined ? [] : argv.slice(0, Math.max(0, argv.indexOf(word)))
  return /^--[\w-]+/.exec(before.findLast(one => one.startsWith('--')) ?? '')?.[0]
}

function unknownFlag(flag: string, known: readonly string[]): Problem {
  const name = flag.replace(/^-+/, '')
  if (structures().some(([structure]) => structure === name)) {
    return new Problem('USAGE', `${name} can't be set by a flag`, {
      where: flag,
      wanted: `${name} in the config file`,
      found: 'a flag',
      hint: `write ${name} in the file that --config names`,
    })
  }
  const near = nearest(name, known)
  const moved = movedKey(name)?.why
  const usual = near === undefined ? seeHelp : `did you mean --${near}?`
  return new Problem('USAGE', 'unknown flag', {
    where: flag,
    wanted: 'a flag of this verb',
    hint: moved ?? usual,
  })
}
