import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { flagProblem } from '../config/flags.js'
import { messageOf, Problem } from '../errors.js'
import { samplePipeline } from '../sandbox/sample-pipeline.js'

/** What a sandbox was asked for. */
export interface Wishes {
  pipeline: { text: string; source: string }
  repo: string | undefined
  out: string | undefined
  /** Whether a real cluster is named. */
  realCluster: boolean
  /** What is passed on to the spawner, as flags of `run`. */
  flags: string[]
}

const own = ['repo', 'out'] as const

// The spawner's own flags that make sense here; the others are the sandbox's to set.
const passedOn = [
  'context',
  'kubeconfig',
  'namespace',
  'ledger-namespace',
  'agent-image',
  'image-pull-policy',
  'gateway-url',
  'gateway-listen',
  'job-ttl',
  'max-in-flight',
  'log-level',
] as const

/**
 * The words of `job-spawner sandbox`.
 * @throws Problem USAGE for a wrong flag, PIPELINE_FILE for a file that can't be read.
 */
export function readWishes(argv: readonly string[]): Wishes {
  const { values, positionals } = parsed(argv)
  const { repo, out, ...rest } = values
  if (positionals.length > 1) throw tooManyFiles()
  return {
    pipeline: readPipeline(positionals[0]),
    repo,
    out,
    realCluster: rest['context'] !== undefined || rest['kubeconfig'] !== undefined,
    flags: Object.entries(rest).map(([name, value]) => `--${name}=${value}`),
  }
}

function parsed(argv: readonly string[]) {
  const known = [...own, ...passedOn]
  const options = Object.fromEntries(known.map(name => [name, { type: 'string' as const }]))
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    return { values: values as Record<string, string | undefined>, positionals }
  } catch (error) {
    throw flagProblem(error, known)
  }
}

function tooManyFiles(): Problem {
  return new Problem('USAGE', 'more than one pipeline is named', {
    wanted: 'one pipeline file, or none for the sample',
    hint: 'name one file; see job-spawner sandbox --help',
  })
}

function readPipeline(file: string | undefined): Wishes['pipeline'] {
  if (file === undefined) return { text: samplePipeline, source: 'sample pipeline' }
  try {
    return { text: readFileSync(file, 'utf8'), source: file }
  } catch (error) {
    throw new Problem('PIPELINE_FILE', "the pipeline file can't be read", {
      where: file,
      wanted: 'a YAML file with steps',
      found: messageOf(error),
      hint: 'check the path, or leave it out to run the sample pipeline',
    })
  }
}
