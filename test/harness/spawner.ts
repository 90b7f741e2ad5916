import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'

/** One line of the spawner's log: pino's fields, or `{ msg }` of a line that is no JSON. */
export type LogLine = Record<string, unknown> & { msg?: string }

/** What a test hands over so that what is started for it ends with it. */
export interface Teardown {
  teardown(end: () => void | Promise<void>): void
}

/** What a spawner of a test is told. */
export interface SpawnerOptions {
  /** Flags of `run`, without the token. */
  flags: Record<string, string | number>
  token: string
  env: NodeJS.ProcessEnv
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Starts `job-spawner run` from the built checkout as a child process. It ends with the test. */
export function startSpawner(t: Teardown, options: SpawnerOptions): Spawner {
  const spawner = new Spawner(options)
  t.teardown(async () => {
    await spawner.kill('SIGKILL')
  })
  spawner.start()
  return spawner
}

/** One `job-spawner run` that can be killed and started again with the same arguments; its log goes on over that. */
export class Spawner {
  readonly log: LogLine[] = []
  readonly #options: SpawnerOptions
  readonly #watchers = new Set<() => void>()
  #child: ChildProcess | undefined
  #running = false

  constructor(options: SpawnerOptions) {
    this.#options = options
  }

  /** The process's id; nothing when there is none. */
  get pid(): number | undefined {
    return this.#running ? this.#child?.pid : undefined
  }

  /** Starts the process, again after a `kill` with the same arguments. */
  start(): void {
    if (this.#running) throw new Error('the spawner runs already')
    // Tap's `spawn` puts NODE_OPTIONS with its own hooks into every environment; `env` takes them out again and becomes
    // the node (same pid), so that what runs is what a user runs.
    const command = [process.execPath, join(root, 'bin/job-spawner'), ...this.#args()]
    const child = spawn('env', ['-u', 'NODE_OPTIONS', ...command], {
      env: { ...clean(this.#options.env), BUILDKITE_AGENT_TOKEN: this.#options.token },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => this.#add(parsed(line)))
    }
    // Not `exit`: its last lines may come after that.
    child.once('close', () => {
      this.#running = false
      this.#wake()
    })
    this.#child = child
    this.#running = true
  }

  /** Sends a signal and waits for the process to end. A process that has ended is no error. */
  async kill(signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> {
    const child = this.#child
    if (child === undefined) return null
    if (this.#running) {
      const ended = once(child, 'close')
      child.kill(signal)
      await ended
    }
    return child.exitCode ?? child.signalCode
  }

  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /**
   * The first line, from line number `from` of `log` on, that has this message or fulfils this condition. An Error
   * with the last lines when the process ends, or `seconds` pass, without one.
   */
  async waitForLog(
    wanted: string | ((line: LogLine) => boolean),
    { from = 0, seconds = 120 } = {},
  ): Promise<LogLine> {
    const what = typeof wanted === 'string' ? `"${wanted}"` : 'the line that was waited for'
    const fits = typeof wanted === 'string' ? (line: LogLine) => line.msg === wanted : wanted
    const signal = AbortSignal.timeout(seconds * 1000)
    for (;;) {
      const line = this.log.slice(from).find(fits)
      if (line !== undefined) return line
      if (!this.#running) throw new Error(`the spawner ended before ${what}\n${this.tail()}`)
      if (signal.aborted) throw new Error(`not within ${seconds} s: ${what}\n${this.tail()}`)
      await this.#nextChange(signal)
    }
  }

  /** The last lines of the log, for messages. */
  tail(lines = 20): string {
    return this.log
      .slice(-lines)
      .map(line => JSON.stringify(line))
      .join('\n')
  }

  #args(): string[] {
    const flags = Object.entries(this.#options.flags)
    return ['run', ...flags.map(([name, value]) => `--${name}=${value}`)]
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const done = () => {
        signal.removeEventListener('abort', done)
        this.#watchers.delete(done)
        resolve()
      }
      signal.addEventListener('abort', done)
      this.#watchers.add(done)
    })
  }

  #add(line: LogLine): void {
    this.log.push(line)
    this.#wake()
  }

  #wake(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

// The settings of whoever runs the tests are not those of the tests.
function clean(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(BUILDKITE|JOB_SPAWNER)_/.test(name)),
  )
}

function parsed(line: string): LogLine {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as LogLine
  } catch {
    // Not ours: a warning of Node's, or a stack.
  }
  return { msg: line }
}
