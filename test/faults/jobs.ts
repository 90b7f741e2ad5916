import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a job of the suite does, and how it must end when nobody harms it. */
export interface JobKind {
  name: string
  /** Its exit status when it is left alone; -1 when it can't run. */
  exitStatus: number
  /** How many numbered lines it prints. */
  lines: number
  /** The suite cancels it when it has printed its first line. */
  canceled?: boolean
  /** What its log must say when it can't run. */
  says?: RegExp
  step(folder: string): Record<string, unknown>
}

/** The kinds by name. */
export const kinds = {
  quick: { name: 'quick', exitStatus: 0, lines: 1, step: printing(1, 0, 0) },
  status: { name: 'status', exitStatus: 7, lines: 3, step: printing(3, 0, 7) },
  lines: { name: 'lines', exitStatus: 0, lines: 40, step: printing(40, 0.04, 0) },
  long: { name: 'long', exitStatus: 3, lines: 120, step: printing(120, 0.05, 3) },
  cancel: {
    name: 'cancel',
    exitStatus: -1,
    lines: 1,
    canceled: true,
    step: command('echo n=1; sleep 60 & wait'),
  },
  data: {
    name: 'data',
    exitStatus: 6,
    lines: 2,
    step: command('echo n=1; buildkite-agent meta-data set fault yes; echo n=2; exit 6'),
  },
  badPlugin: {
    name: 'bad plugin',
    exitStatus: -1,
    lines: 0,
    says: /podSpecs/,
    step: () => ({ command: 'true', plugins: [{ kubernetes: { podSpecs: {} } }] }),
  },
} as const satisfies Record<string, JobKind>

/** The name of a kind. */
export type KindName = keyof typeof kinds

/** How often the command of a job has begun. */
export function executionsOf(folder: string, jobId: string): number {
  return seen(folder, jobId, 'runs').length
}

/** The job tokens that the job's command was given. */
export function tokensOf(folder: string, jobId: string): string[] {
  return seen(folder, jobId, 'tokens')
}

function seen(folder: string, jobId: string, what: string): string[] {
  try {
    const text = readFileSync(join(folder, `${jobId}.${what}`), 'utf8')
    return text.split('\n').filter(line => line !== '')
  } catch {
    return []
  }
}

function printing(count: number, pauseSeconds: number, status: number) {
  const pause = pauseSeconds === 0 ? '' : `; sleep ${pauseSeconds}`
  return command(`for i in $(seq 1 ${count}); do echo n=$i${pause}; done; exit ${status}`)
}

// Each command says first, beside the log, that it runs, and what it was given: that is how a second one is noticed.
function command(script: string) {
  return (folder: string) => {
    const file = `${folder}/$BUILDKITE_JOB_ID`
    const notes = `echo begun >> ${file}.runs; echo "$BUILDKITE_AGENT_ACCESS_TOKEN" >> ${file}.tokens`
    return { command: `${notes}; ${script}` }
  }
}
