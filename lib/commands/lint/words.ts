import { parseFlagsBeside } from '../../config/flags.js'
import { Problem } from '../../errors.js'
import { choice } from '../render/words.js'
import { kinds, type Kind } from './kind.js'

/** What `job-spawner lint` was asked for. */
export interface LintWords {
  /** Paths, or `-`. */
  files: string[]
  /** Nothing: each file's keys say what it is. */
  kind: Kind | undefined
  output: 'text' | 'json'
  /** Whether to print our settings for agent-stack-k8s'. */
  convert: boolean
  /** What is passed on to the settings that steps are checked with, as flags of `run`. */
  flags: string[]
}

const own = {
  kind: { type: 'string' },
  output: { type: 'string' },
  convert: { type: 'boolean' },
} as const

/** The words of `job-spawner lint`. @throws Problem USAGE */
export function readWords(argv: readonly string[]): LintWords {
  const { values, positionals, flags } = parseFlagsBeside(argv, own)
  const convert = values.convert === true
  if (positionals.length === 0 || (convert && positionals.length > 1)) {
    throw wrongFiles(positionals.length, convert)
  }
  return {
    files: positionals,
    kind: values.kind === undefined ? undefined : choice('kind', values.kind, kinds),
    output: choice('output', values.output, ['text', 'json']),
    convert,
    flags,
  }
}

function wrongFiles(count: number, convert: boolean): Problem {
  return new Problem('USAGE', convert ? 'lint --convert takes one file' : 'lint wants a file', {
    wanted: `${convert ? 'one file' : 'files'}, or - for standard input`,
    found: count === 0 ? 'none' : `${count} of them`,
    hint: 'see job-spawner lint --help',
  })
}
