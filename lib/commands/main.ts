import { isProblem, messageOf, problemText } from '../errors.js'
import { usage } from './help.js'
import { run } from './run.js'
import { sandbox } from './sandbox.js'
import { versionCommand } from './version.js'
import type { Command } from './command.js'

const commands: Record<string, Command> = { run, sandbox, version: versionCommand }

/**
 * `job-spawner VERB …`: the exit status. A `Problem` is told in a few lines: exit status 2 when the words or settings
 * are wrong, 1 for the rest.
 */
export async function main(argv: readonly string[]): Promise<number> {
  const [verb = '', ...rest] = argv
  const out = { stdout: process.stdout, stderr: process.stderr }
  try {
    if (
      verb === '' ||
      verb === 'help' ||
      verb === '--help' ||
      verb === '-h' ||
      rest.includes('--help')
    ) {
      out.stdout.write(usage(commands[verb] ? verb : undefined))
      return verb === '' ? 2 : 0
    }
    const command = commands[verb === '--version' ? 'version' : verb]
    if (command) return await command({ argv: rest, env: process.env, ...out })
    out.stderr.write(
      `job-spawner: unknown verb\n  wanted: ${Object.keys(commands).join(', ')}\n  found: ${JSON.stringify(verb)}\n`,
    )
    return 2
  } catch (error) {
    out.stderr.write(`job-spawner: ${isProblem(error) ? problemText(error) : messageOf(error)}\n`)
    return isProblem(error) && error.disposition === 'usage' ? 2 : 1
  }
}
