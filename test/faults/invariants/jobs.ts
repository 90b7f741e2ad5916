import type { History, JobRecord } from '../history.js'

const ends = ['finished', 'agentLost', 'agentDisconnected', 'graceOver']

/** When a job came to its end; undefined when it has not. */
export function endOf({ events, state }: JobRecord): number | undefined {
  const last = events.findLast(({ event }) => ends.includes(event))
  if (last) return last.at
  const dropped = state === 'canceled' && events.findLast(({ event }) => event === 'cancelation')
  return dropped ? dropped.at : undefined
}

/** Each job ends once. */
export function oneEnd({ jobs }: History): string[] {
  return jobs.flatMap(job => {
    // A job that was assigned or accepted only goes back to the queue with its agent: that is no end.
    const began = job.events.findIndex(({ event }) => event === 'started')
    const after = began === -1 ? [] : job.events.slice(began)
    const count = after.filter(({ event }) => ends.includes(event)).length
    const never = began === -1 && job.events.some(({ event }) => event === 'cancelation')
    if (count === 1 || (count === 0 && never && job.state === 'canceled')) return []
    return [`job ${job.kind.name} ${job.id} has ended ${count} times; it is ${job.state}`]
  })
}

/** Each job ends with the exit status of its command, or with the cause that it had. */
export function trueEnd({ jobs }: History): string[] {
  return jobs.flatMap(job => {
    const wrong = untruth(job)
    if (wrong === undefined) return []
    const found = `${job.state}, exit status ${job.exitStatus}, ${job.signalReason ?? 'no reason'}`
    return [`job ${job.kind.name} ${job.id}: ${wrong}; it is ${found}`]
  })
}

function untruth(job: JobRecord): string | undefined {
  const { kind, state, exitStatus, signalReason, log, harm } = job
  if (kind.canceled) {
    if (state !== 'canceled') return 'it was cancelled'
    const reasons = [undefined, 'cancel', ...(harm.length > 0 ? ['agent_stop'] : [])]
    return reasons.includes(signalReason) ? undefined : 'the reason is that it was cancelled'
  }
  if (state !== 'finished') return 'nobody cancelled it'
  if (kind.says) return kind.says.test(log) ? undefined : `its log does not say ${kind.says}`
  if (exitStatus === kind.exitStatus) return undefined
  if (harm.length === 0) return `nobody harmed it, and its command ends with ${kind.exitStatus}`
  const named = /\+\+\+ Job spawner:/.test(log) || signalReason === 'agent_stop'
  return exitStatus === -1 && named ? undefined : `no cause is named for it (${harm.join(', ')})`
}

/** The log of each job is whole and in order, or what it lacks is admitted. */
export function wholeLog({ jobs }: History): string[] {
  return jobs.flatMap(job => {
    const wrong = logFault(job)
    return wrong === undefined ? [] : [`log of job ${job.kind.name} ${job.id}: ${wrong}`]
  })
}

function logFault({ kind, log, harm, chunksFailedCount }: JobRecord): string | undefined {
  const numbers = [...log.matchAll(/^n=(\d+)\r*$/gm)].map(([, digits]) => Number(digits))
  const jump = numbers.findIndex((number, index) => number <= (numbers[index - 1] ?? 0))
  if (jump !== -1) return `line ${numbers[jump]} comes after line ${numbers[jump - 1]}`
  if (chunksFailedCount > 0) return undefined
  const gap = numbers.findIndex((number, index) => number !== index + 1)
  if (gap !== -1) return `line ${gap + 1} is missing`
  const mayBeCut = kind.canceled || harm.length > 0
  if (mayBeCut || numbers.length === kind.lines) return undefined
  return `${numbers.length} lines of ${kind.lines}`
}

/** The command of a job never runs twice; a job that ends well has run. */
export function oneRun({ jobs }: History): string[] {
  return jobs.flatMap(({ kind, id, executions, harm, exitStatus }) => {
    const job = `job ${kind.name} ${id}`
    if (executions > 1) return [`the command of ${job} has run ${executions} times`]
    const ran = kind.lines === 0 || kind.canceled || harm.length > 0 || executions === 1
    return ran ? [] : [`the command of ${job} has not run, and its exit status is ${exitStatus}`]
  })
}
