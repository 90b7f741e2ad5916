import type { History, JobRecord } from '../history.js'
import type { Happening } from '../hook/plan.js'
import { endOf } from './jobs.js'

const graceMs = 2_000

/** The gateway's answers to calls of a job's pod. */
function answers({ happenings, jobs }: History): { job: JobRecord; answer: Happening }[] {
  const known = new Map(jobs.map(job => [job.id, job]))
  return happenings.flatMap(answer => {
    if (!answer.effect.startsWith('gateway ') || answer.moment !== 'before') return []
    const id = /\/jobs\/([0-9a-f-]{36})/.exec(answer.path)?.[1]
    const job = known.get(id ?? '')
    return job ? [{ job, answer }] : []
  })
}

/** No passing fault is told to a pod as a final one: an agent drops its log, or its job, on a 4xx. */
export function noFinalWord(history: History): string[] {
  return answers(history).flatMap(({ job, answer }) => {
    const { status = 0, effect, at, method } = { ...answer, method: answer.effect.split(' ')[1] }
    if (method === 'GET' || status < 400 || status >= 500 || job.harm.length > 0) return []
    const canceled = job.events.find(({ event }) => event === 'cancelation')
    if (at >= Math.min(endOf(job) ?? Infinity, canceled?.at ?? Infinity)) return []
    return [`${effect} of ${job.kind.name} ${job.id} was answered ${status} while the job ran`]
  })
}

/** A pod's credential ends with its job. */
export function noZombie(history: History): string[] {
  return answers(history).flatMap(({ job, answer }) => {
    const { effect, at, status = 0 } = answer
    const end = endOf(job)
    if (end === undefined || at < end + graceMs || status >= 300) return []
    // A pod whose answer was lost asks again for what has been done.
    if (/ (GET .*|PUT \/jobs\/:id\/finish)$/.test(effect)) return []
    const late = Math.round(at - end)
    return [
      `${effect} of ${job.kind.name} ${job.id} was answered ${status}, ${late} ms after its end`,
    ]
  })
}
