import type { History, ObjectChange } from '../history.js'
import { endOf } from './jobs.js'

const jobLabel = 'buildkite.com/job-uuid'

/** The id of the Buildkite job that an object belongs to. */
function jobIdOf({ object }: ObjectChange): string | undefined {
  const { labels } = (object['metadata'] ?? {}) as { labels?: Record<string, string> }
  return labels?.[jobLabel]
}

/** Each job gets one Job and one pod at most, a pod that was taken from it by the suite aside. */
export function onePod({ jobs, changes }: History): string[] {
  return jobs.flatMap(({ id, kind, harm }) => {
    const made = (wanted: string) =>
      changes
        .filter(change => change.type === 'ADDED' && change.kind === wanted)
        .filter(change => jobIdOf(change) === id).length
    const [ofJobs, ofPods] = [made('Job'), made('Pod')]
    return [
      ...(ofJobs > 1 ? [`job ${kind.name} ${id} has had ${ofJobs} Jobs`] : []),
      ...(ofPods > 1 + harm.length ? [`job ${kind.name} ${id} has had ${ofPods} pods`] : []),
    ]
  })
}

/** One pod of a job at most is let in by the gateway. */
export function oneCredential({ happenings, changes }: History): string[] {
  const jobOfPod = new Map(
    changes
      .filter(({ kind }) => kind === 'Pod')
      .map(change => [(change.object['metadata'] as { uid: string }).uid, jobIdOf(change)]),
  )
  const podsOf = new Map<string, Set<string>>()
  for (const { effect, moment, status = 0, pod } of happenings) {
    if (effect !== 'gateway POST /register' || moment !== 'before' || status >= 300) continue
    const job = pod === undefined ? undefined : jobOfPod.get(pod)
    if (pod === undefined || job === undefined) continue
    podsOf.set(job, (podsOf.get(job) ?? new Set()).add(pod))
  }
  return [...podsOf]
    .filter(([, pods]) => pods.size > 1)
    .map(([job, pods]) => `${pods.size} pods of job ${job} were let in: ${[...pods].join(', ')}`)
}

/** No healthy job's Job is deleted: only what is over, or was cancelled. */
export function noFalseKill({ jobs, changes }: History): string[] {
  return changes.flatMap(change => {
    if (change.type !== 'DELETED' || change.kind !== 'Job') return []
    const job = jobs.find(({ id }) => id === jobIdOf(change))
    if (!job || job.harm.length > 0) return []
    const canceled = job.events.find(({ event }) => event === 'cancelation')
    if (change.at >= Math.min(endOf(job) ?? Infinity, canceled?.at ?? Infinity)) return []
    return [`the Job of ${job.kind.name} ${job.id} was deleted while the job ran`]
  })
}

/** No more jobs at once than was allowed, by upstream's count and by that of pods at work. */
export function caps({ jobs, limits }: History): string[] {
  const moves = jobs
    .flatMap(({ events }) => events)
    .flatMap(({ event, at }) => {
      if (event === 'accepted') return [{ at, by: 1 }]
      if (
        ['finished', 'agentLost', 'agentDisconnected', 'graceOver', 'acceptedExpired'].includes(
          event,
        )
      )
        return [{ at, by: -1 }]
      return []
    })
    // An end and a beginning at one moment: the end was first.
    .toSorted((a, b) => a.at - b.at || a.by - b.by)
  let now = 0
  let most = 0
  for (const { by } of moves) most = Math.max(most, (now += by))
  return most > limits.maxInFlight ? [`${most} jobs at once, of ${limits.maxInFlight}`] : []
}

/** When the last fault is over, all comes to rest: nothing is left behind on any side. */
export function rest({ unrest, limits }: History): string[] {
  return unrest.map(what => `after ${limits.restMs / 1000} s: ${what}`)
}
