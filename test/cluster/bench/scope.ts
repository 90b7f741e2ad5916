import type { JobView } from '../../../lib/sandbox/buildkite/views.js'
import { isOver } from '../../harness/builds.js'
import { counted } from '../harness/counting.js'
import type { Purpose } from '../harness/release.js'

/** What a measurement hands to the harness in the place of a test. */
export class Scope implements Purpose {
  private readonly ends: (() => unknown)[] = []

  teardown(end: () => unknown): void {
    this.ends.push(end)
  }

  passing(): boolean {
    return process.exitCode === undefined
  }

  comment(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** Ends what was started, the latest first. */
  async end(): Promise<void> {
    for (const end of this.ends.toReversed()) await end()
  }
}

/** Runs a measurement to its end, but no longer than that; its exit status says whether it came to its end. */
export async function measure(
  minutes: number,
  body: (scope: Scope) => Promise<void>,
): Promise<void> {
  const scope = new Scope()
  const late = setTimeout(() => {
    print(`not within ${minutes} minutes`)
    process.exit(1)
  }, minutes * 60_000)
  try {
    await body(scope)
  } catch (error) {
    process.exitCode = 1
    process.stderr.write(`${String(error)}\n`)
  } finally {
    await scope.end()
    clearTimeout(late)
  }
}

/** One line of the result. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

/** Prints what stands in the middle and at the end of some times. */
export function printTimes(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b).map(Math.round)
  const p50 = sorted[Math.floor(sorted.length / 2)]
  print(`${what}: p50 ${p50} ms, max ${sorted.at(-1)} ms (${sorted.length})`)
}

/** Prints what became of jobs that counted to a number: all of them have ended. */
export function printJobs(
  jobs: readonly JobView[],
  to: number,
  violations: readonly string[],
): void {
  const once = (job: JobView) => job.events.filter(({ event }) => event === 'finished').length === 1
  const whole = (job: JobView) => {
    const numbers = counted(job)
    return numbers.length === to && numbers.every((number, i) => number === i + 1)
  }
  const good = jobs.filter(job => isOver(job) && once(job) && job.exitStatus === 3)
  print(`${jobs.length} jobs: ${good.length} ended once, as they ended`)
  for (const job of jobs.filter(one => !good.includes(one) || !whole(one))) {
    const { id, state, exitStatus, signalReason, events, log } = job
    print(JSON.stringify({ id, state, exitStatus, signalReason, events, log: log.slice(-1_000) }))
  }
  print(`${jobs.filter(whole).length} logs have each line, in order`)
  print(
    `objections of upstream: ${violations.length}${violations.map(text => `\n  ${text}`).join('')}`,
  )
}

/** Keeps so many jobs running until it is told to stop; gives all that it has begun, once they are over. */
export function keepBusy(
  upstream: { job(id: string): JobView },
  count: number,
  begin: () => string,
): () => Promise<JobView[]> {
  const ids: string[] = []
  const open = () => ids.filter(id => !isOver(upstream.job(id))).length
  const timer = setInterval(() => {
    for (let i = open(); i < count; i++) ids.push(begin())
  }, 200)
  return async () => {
    clearInterval(timer)
    const end = Date.now() + 180_000
    while (open() > 0 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 200))
    return ids.map(id => upstream.job(id))
  }
}

/** Milliseconds until the address answers 200, from `from` on; asked every few milliseconds. */
export async function answersAfter(from: number, urls: () => readonly string[]): Promise<number> {
  for (;;) {
    const answers = await Promise.all(urls().map(isOk))
    if (answers.includes(true)) return Date.now() - from
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

async function isOk(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(500) })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}
