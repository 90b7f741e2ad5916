import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Peer } from './hook/names.js'
import type { Happening, HookInput, Plan } from './hook/plan.js'
import { now } from './time.js'

const restartMs = 100

/** One process of a replica, from its start to its end. */
export interface Life {
  replica: string
  pid: number
  startedAt: number
  endedAt?: number
  /** Its exit status, or the signal that ended it. */
  end?: number | NodeJS.Signals
  /** What it has printed. */
  lines: string[]
}

/** How a replica is started. */
export interface ReplicaOptions {
  name: string
  /** What `node` runs: `bin/job-spawner`. */
  program: string
  /** The module that is loaded before it. */
  hook: string
  flags: Record<string, string | number>
  env: Record<string, string>
  /** Where its processes write their history. */
  history: string
  peers: Record<string, Peer>
}

/** A replica of the program: one process at a time, started again when it has ended, as a Deployment does. */
export class Replica {
  readonly name: string
  readonly lives: Life[] = []
  readonly #options: ReplicaOptions
  #child: ChildProcess | undefined
  #wanted = false
  #plans: readonly Plan[] = []

  constructor(options: ReplicaOptions) {
    this.name = options.name
    this.#options = options
  }

  /** The process that runs now. */
  get life(): Life | undefined {
    const last = this.lives.at(-1)
    return last && last.end === undefined ? last : undefined
  }

  /** What all its processes have done. */
  happenings(): Happening[] {
    try {
      const lines = readFileSync(this.#options.history, 'utf8').split('\n')
      return lines.filter(line => line.endsWith('}')).map(line => JSON.parse(line) as Happening)
    } catch {
      return []
    }
  }

  /** Starts it, and again whenever it ends. Each plan is for one process; the last one's clock and machine stay. */
  start(...plans: readonly Plan[]): void {
    this.#wanted = true
    this.#plans = plans
    this.#spawn()
  }

  /** Gives the process that runs another plan. */
  arm(plan: Plan): void {
    const control = this.#control
    writeFileSync(`${control}.new`, JSON.stringify(plan))
    renameSync(`${control}.new`, control)
  }

  /** What is planned for the process that is started next. */
  planNext(plan: Plan): void {
    this.#plans = Object.assign([...this.#plans], { [this.lives.length]: plan })
  }

  get #control(): string {
    return `${this.#options.history}.control`
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Ends it for good; waits for the process. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#wanted = false
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const closed = once(child, 'close')
    child.kill(signal)
    if (signal === 'SIGKILL') child.kill('SIGCONT')
    await closed
  }

  /** Ends the process with a signal; the next one is started. Resolves when it has ended. */
  async crash(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || !this.life) return
    const closed = once(child, 'close')
    child.kill(signal)
    await closed
  }

  /** What is planned for the process that starts now. */
  #plan(): Plan {
    const plan = this.#plans[this.lives.length]
    const { skewMs, machine } = plan ?? this.#plans.at(-1) ?? {}
    return plan ?? { skewMs, machine }
  }

  #spawn(): void {
    const plan = this.#plan()
    const { name, program, hook, flags, env, history, peers } = this.#options
    const input: HookInput = { plan, history, control: this.#control, peers }
    const words = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`)
    const child = spawn(process.execPath, ['--import', hook, program, 'run', ...words], {
      env: { PATH: process.env['PATH'], ...env, FAULTS_HOOK: JSON.stringify(input) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const life: Life = { replica: name, pid: child.pid ?? -1, startedAt: now(), lines: [] }
    this.#child = child
    this.lives.push(life)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', line => life.lines.push(line))
    }
    child.once('close', (status, signal) => {
      life.endedAt = now()
      life.end = signal ?? status ?? -1
      void this.#again()
    })
  }

  async #again(): Promise<void> {
    await delay(restartMs)
    if (this.#wanted) this.#spawn()
  }
}
