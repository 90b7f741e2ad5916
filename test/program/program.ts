import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** How a run of the program ended. */
export interface Ended {
  status: number | null
  stdout: string
  stderr: string
}

/** A run of the program that goes on. */
export interface Started {
  child: ChildProcess
  ended: Promise<Ended>
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Runs `job-spawner ARGS` from the built checkout to its end. */
export function runProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return startProgram(args, env).ended
}

/** Starts `job-spawner ARGS` with this environment, and of ours with nothing but the PATH. */
export function startProgram(args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  // Tap's `spawn` adds to every environment; `env -i` takes that out again, and becomes the program.
  const own = { PATH: process.env['PATH'], HOME: '/nonexistent', ...env }
  const pairs = Object.entries(own).map(([name, value]) => `${name}=${value}`)
  const command = [process.execPath, join(root, 'bin/job-spawner'), ...args]
  const child = spawn('env', ['-i', ...pairs, ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
  return { child, ended: endOf(child) }
}

async function endOf(child: ReturnType<typeof spawn>): Promise<Ended> {
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new Error('the program has no output')
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve)
  })
  const [status, out, err] = await Promise.all([closed, text(stdout), text(stderr)])
  return { status, stdout: out, stderr: err }
}
