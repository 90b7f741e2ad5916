import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Command } from '../../lib/commands/command.js'

/** What a command did with these words, in this process. */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  {
    stdin = '',
    env = {},
    tty = false,
  }: { stdin?: string; env?: NodeJS.ProcessEnv; tty?: boolean } = {},
): Promise<{ status: number; stdout: string; stderr: string }> {
  const out = Object.assign(new PassThrough(), { isTTY: tty })
  const err = new PassThrough()
  const said = Promise.all([text(out), text(err)])
  try {
    const context = { argv, env, stdin: Readable.from([stdin]), stdout: out, stderr: err }
    const status = await command(context)
    out.end()
    err.end()
    const [stdout, stderr] = await said
    return { status, stdout, stderr }
  } finally {
    out.end()
    err.end()
  }
}
