import { spawn } from 'node:child_process'
import type { Clock } from '../../clock.js'

const drainMs = 2000

/** How a process ended: its exit code, or the signal that ended it. */
export interface Ending {
  code: number
  signal: NodeJS.Signals | null
}

/**
 * Runs a program in its own process group, its standard error going where its standard output goes, so that the order
 * is kept. When `interrupt` is aborted the group gets SIGTERM, and SIGKILL after `graceMs`; what is left of the group when the program has ended is
 * killed, as it would be with a container. A program that cannot be run ends with 127.
 */
export async function runInGroup(options: {
  argv: readonly string[]
  cwd: string
  env: Record<string, string>
  interrupt: AbortSignal
  graceMs: number
  clock: Clock
  onOutput: (data: Buffer) => void
  onGroup?: (event: 'group' | 'group-over', pid: number) => void
}): Promise<Ending> {
  const { argv, cwd, env, interrupt, graceMs, clock, onOutput, onGroup } = options
  // The shell makes one stream of two and then is replaced by the program: same process id.
  const child = spawn('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', ...argv], {
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { pid } = child
  if (pid !== undefined) onGroup?.('group', pid)
  child.stdout.on('data', onOutput)
  child.stderr.on('data', onOutput)
  const ended = new AbortController()
  const interrupted = () => {
    if (pid === undefined) return
    killGroup(pid, 'SIGTERM')
    clock.sleep(graceMs, ended.signal).then(
      () => killGroup(pid, 'SIGKILL'),
      () => {},
    )
  }
  if (interrupt.aborted) interrupted()
  interrupt.addEventListener('abort', interrupted)
  const closed = new Promise<void>(resolve => child.once('close', () => resolve()))
  const ending = await new Promise<Ending>(resolve => {
    child.once('exit', (code, signal) => resolve({ code: code ?? -1, signal }))
    child.once('error', error => {
      onOutput(Buffer.from(`sandbox: cannot run the command: ${error.message}\n`))
      resolve({ code: 127, signal: null })
    })
  })
  interrupt.removeEventListener('abort', interrupted)
  ended.abort()
  if (pid === undefined) return ending
  killGroup(pid, 'SIGKILL')
  // Something that left the group may hold the stream open; its output is not waited for.
  const drained = new AbortController()
  await Promise.race([closed, clock.sleep(drainMs, drained.signal).catch(() => {})])
  drained.abort()
  onGroup?.('group-over', pid)
  return ending
}

/** Sends a signal to a process group, if it is still there. */
export function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal)
  } catch {
    // Gone already.
  }
}
