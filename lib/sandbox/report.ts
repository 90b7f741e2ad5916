import { stripVTControlCharacters } from 'node:util'
import type { JobView, BuildView } from './buildkite/views.js'

/** Where the sandbox writes for people. */
export interface Terminal {
  write(text: string): unknown
  /** Whether colours and the like are welcome. */
  isTTY?: boolean
}

/** Tells a build's story on a terminal: each job's log lines behind its label, and a line for each change of state. */
export class Report {
  private readonly rests = new Map<string, string>()
  private readonly states = new Map<string, string>()

  constructor(private readonly terminal: Terminal) {}

  /** A line of ours. */
  say(text: string): void {
    this.terminal.write(`${text}\n`)
  }

  /** More of a job's log. A line is written when it is complete. */
  log(job: JobView, text: string): void {
    const lines = ((this.rests.get(job.id) ?? '') + text).split('\n')
    this.rests.set(job.id, lines.pop() ?? '')
    for (const line of lines) this.line(job, line)
  }

  /** The jobs as they are now; what has changed is told. */
  progress(jobs: readonly JobView[]): void {
    for (const job of jobs) {
      if (this.states.get(job.id) === job.state) continue
      this.states.set(job.id, job.state)
      if (isOver(job)) this.flush(job)
      const told = changeOf(job)
      if (told) this.say(this.dim(`${label(job)} * ${told}`))
    }
  }

  /** What came of the builds: a row a job, and where the traces lie. */
  summary(builds: readonly BuildView[], folder: string): void {
    for (const build of builds) {
      this.say('')
      this.say(`build ${build.number}: ${build.state}`)
      for (const job of build.jobs) this.say(`  ${row(job)}`)
    }
    this.say('')
    this.say(`manifests, logs and artifacts: ${folder}`)
  }

  private flush(job: JobView): void {
    const rest = this.rests.get(job.id)
    if (rest) this.line(job, rest)
    this.rests.delete(job.id)
  }

  private line(job: JobView, line: string): void {
    const plain = line.replace(/\r$/, '')
    this.say(
      `${this.dim(label(job))} | ${this.terminal.isTTY ? plain : stripVTControlCharacters(plain)}`,
    )
  }

  private dim(text: string): string {
    return this.terminal.isTTY ? `\u001b[2m${text}\u001b[0m` : text
  }
}

const labelWidth = 12

function label(job: JobView): string {
  const text = job.label.length > labelWidth ? `${job.label.slice(0, labelWidth - 1)}…` : job.label
  return text.padEnd(labelWidth)
}

function changeOf(job: JobView): string | undefined {
  switch (job.state) {
    case 'accepted':
      return 'accepted by an agent of ours'
    case 'running':
      return 'started, its Job is being made'
    case 'finished':
    case 'canceled':
    case 'timed_out':
      return `${job.state}, exit status ${job.exitStatus ?? 'none'}${took(job)}`
    case 'broken':
      return 'not run: what it depends on has failed'
    default:
      return undefined
  }
}

function isOver(job: JobView): boolean {
  return ['finished', 'canceled', 'timed_out', 'broken'].includes(job.state)
}

function row(job: JobView): string {
  const mark = job.passed ? 'passed' : job.state === 'finished' ? 'failed' : job.state
  const status = job.exitStatus === undefined ? '' : `exit ${job.exitStatus}`
  return `${mark.padEnd(9)} ${status.padEnd(9)} ${seconds(job).padStart(8)}  ${job.label}`
}

function seconds(job: JobView): string {
  const { started, finished = 0 } = job.times
  return started === undefined ? '' : `${((finished - started) / 1_000).toFixed(1)} s`
}

function took(job: JobView): string {
  return job.times.started === undefined ? '' : ` after ${seconds(job)}`
}
