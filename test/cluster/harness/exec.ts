import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { programEnv } from './env.js'

/** How a program is started, beyond its arguments. */
export interface ExecOptions {
  cwd?: string
  /** Goes to its standard input. */
  input?: string
  env?: NodeJS.ProcessEnv
}

/** The standard output of a program that ends well; an Error with its standard error when it does not. */
export async function exec(
  program: string,
  args: readonly string[],
  { cwd, input, env = programEnv }: ExecOptions = {},
): Promise<string> {
  const child = spawn(program, args, { cwd, env })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  child.stdin.on('error', () => {}).end(input ?? '')
  const [status, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  if (status === 0) return out
  throw new Error(
    `${[program, ...args].join(' ')}: exit status ${status}\n${(err || out).slice(0, 4000)}`,
  )
}
