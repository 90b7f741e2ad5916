import { isProblem, messageOf, Problem, problemText } from '../errors.js'
import { usage } from './help.js'
import type { Command, CommandContext } from './command.js'

// Loaded when they are asked for: the Kubernetes client alone takes half a second.
const commands = new Map<string, () => Promise<Command>>([
  ['run', async () => (await import('./run.js')).run],
  ['sandbox', async () => (await import('./sandbox.js')).sandbox],
  ['render', async () => (await import('./render/render.js')).render],
  ['lint', async () => (await import('./lint/lint.js')).lint],
  ['version', async () => (await import('./version.js')).versionCommand],
])

/**
 * `job-spawner VERB …`: the exit status. A `Problem` is told in a few lines: exit status 2 when the words or settings
 * are wrong, 1 for the rest.
 */
export async function main(
  argv: readonly string[],
  { stdin, stdout, stderr }: Pick<CommandContext, 'stdin' | 'stdout' | 'stderr'> = process,
): Promise<number> {
  const [verb = '', ...rest] = argv
  const out = { stdin, stdout, stderr }
  tellLostOutput(out)
  try {
    if (verb === '' || verb === 'help' || [verb, ...rest].some(asksForHelp)) {
      out.stdout.write(usage([verb, ...rest].find(word => commands.has(word))))
      return verb === '' ? 2 : 0
    }
    const load = commands.get(verb === '--version' ? 'version' : verb)
    if (load) return await (await load())({ argv: rest, env: process.env, ...out })
    throw await unknownVerb(verb)
  } catch (error) {
    out.stderr.write(`job-spawner: ${isProblem(error) ? problemText(error) : messageOf(error)}\n`)
    return isProblem(error) && error.disposition === 'usage' ? 2 : 1
  }
}

async function unknownVerb(verb: string): Promise<Problem> {
  const { nearest } = await import('../schemas.js')
  const known = [...commands.keys()]
  const near = nearest(verb, known)
  return new Problem('USAGE', 'unknown verb', {
    wanted: known.join(', '),
    found: JSON.stringify(verb),
    hint: near === undefined ? 'job-spawner --help tells what each does' : `did you mean ${near}?`,
  })
}

function asksForHelp(word: string): boolean {
  return word === '--help' || word === '-h'
}

let listens = false

// Who reads may stop early, as `head` does: that is no mistake. That a disk is full is one.
function tellLostOutput({ stdout, stderr }: Pick<CommandContext, 'stdout' | 'stderr'>): void {
  if (listens) return
  listens = true
  stderr.on('error', () => undefined)
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    process.once('exit', () => void (process.exitCode = 1))
    stderr.write(`job-spawner: the output cannot be written: ${messageOf(error)}\n`)
  })
}
