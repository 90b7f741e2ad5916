import { parseFlagsBeside } from '../../config/flags.js'
import { Problem } from '../../errors.js'

/** What `job-spawner render` was asked for. */
export interface RenderWords {
  /** A path, or `-`. */
  file: string
  /** Which step: a key, a label, or a number from 1. */
  step: string | undefined
  output: 'yaml' | 'json'
  diff: boolean
  serverDryRun: boolean
  /** A file of PodTemplates. */
  podTemplate: string | undefined
  /** Variables of the jobs, and what `$NAME` in the pipeline stands for. */
  env: Record<string, string>
  /** Whether variables in the pipeline are filled in, as `pipeline upload` does. */
  interpolation: boolean
  /** What is passed on to the settings, as flags of `run`. */
  flags: string[]
}

const own = {
  step: { type: 'string' },
  output: { type: 'string' },
  diff: { type: 'boolean' },
  'server-dry-run': { type: 'boolean' },
  'pod-template': { type: 'string' },
  env: { type: 'string', multiple: true },
  'no-interpolation': { type: 'boolean' },
} as const

/** The words of `job-spawner render`. @throws Problem USAGE */
export function readWords(argv: readonly string[]): RenderWords {
  const { values, positionals, flags } = parseFlagsBeside(argv, own)
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw wrongFiles(positionals.length)
  if (values.diff === true && values.output !== undefined) throw diffHasItsOwn()
  return {
    file,
    step: values.step,
    output: choice('output', values.output, ['yaml', 'json']),
    diff: values.diff === true,
    serverDryRun: values['server-dry-run'] === true,
    podTemplate: values['pod-template'],
    env: variables(values.env ?? []),
    interpolation: values['no-interpolation'] !== true,
    flags,
  }
}

function wrongFiles(count: number): Problem {
  return new Problem('USAGE', 'render takes one file', {
    wanted: "a pipeline file, a file with a job's payload, or - for standard input",
    found: count === 0 ? 'none' : `${count} of them`,
    hint: 'see job-spawner render --help',
  })
}

function diffHasItsOwn(): Problem {
  return new Problem('USAGE', '--diff and --output are both given', {
    where: '--diff, --output',
    wanted: 'one of the two',
    found: 'both',
    hint: 'a diff has a form of its own: leave --output out',
  })
}

/** A flag's value, which is one of a few; the first when it is not given. @throws Problem USAGE */
export function choice<Choice extends string>(
  flag: string,
  value: unknown,
  choices: readonly [Choice, ...Choice[]],
): Choice {
  if (value === undefined) return choices[0]
  const found = choices.find(one => one === value)
  if (found !== undefined) return found
  throw new Problem('USAGE', `${flag} can't be used`, {
    where: `--${flag}`,
    wanted: `one of: ${choices.join(', ')}`,
    found: JSON.stringify(value),
  })
}

function variables(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map(pair => {
      const at = pair.indexOf('=')
      if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)]
      throw new Problem('USAGE', 'a variable has no value', {
        where: '--env',
        wanted: 'NAME=VALUE',
        found: at < 0 ? 'no = in it' : 'no name before the =',
      })
    }),
  )
}
