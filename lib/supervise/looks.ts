import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Log } from '../log.js'
import { shortestRefusalGraceMs } from '../pod/verdict/refused.js'

// Something may wait for long, and many may: what is asked for its sake is bounded, and comes to less with time.
const shortestPauseMs = 20_000
const longestPauseMs = 300_000

/** When to look at something again that is in no watch: in pauses that grow with the wait. */
export class Looks {
  private readonly lastByKey = new Map<string, number>()

  /** Whether it is time to look for what waits since `start`, `graceMs` after that at first; it is taken for done then. */
  due(object: V1Pod | V1Job, times: { start: number; graceMs: number; now: number }): boolean {
    const { start, graceMs, now } = times
    const last = this.lastByKey.get(keyOf(object))
    const next =
      last === undefined
        ? start + graceMs
        : last + Math.min(Math.max(last - start, shortestPauseMs), longestPauseMs)
    if (now < next) return false
    this.lastByKey.set(keyOf(object), now)
    return true
  }

  /** It is gone. */
  forget(object: V1Pod | V1Job): void {
    this.lastByKey.delete(keyOf(object))
  }
}

/** When to look at the events of Jobs without a pod. */
export class EventLooks extends Looks {
  /** Whether it is time to look why the Job has no pod; it is taken for looked at then. */
  dueFor(job: V1Job, now: number): boolean {
    const start = new Date(job.metadata?.creationTimestamp ?? now).getTime()
    return this.due(job, { start, graceMs: shortestRefusalGraceMs, now })
  }
}

/** The events about a Job, which say why it has no pod; none when we may not read them. */
export async function seeJobEvents(
  jobName: string,
  { cluster, log }: { cluster: Pick<Cluster, 'events'>; log: Log },
): Promise<readonly CoreV1Event[]> {
  const events = await unlessForbidden(cluster.events(jobName), error =>
    log.warn({ err: error }, 'events not readable, the Job waits for its pod unjudged'),
  )
  return events ?? []
}

/** The answer; undefined, after `say`, when the API server says that we may not ask. */
export async function unlessForbidden<T>(
  answer: Promise<T>,
  say: (error: unknown) => void,
): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (!isClusterError(error) || error.status !== 403) throw error
    say(error)
    return undefined
  }
}

function keyOf({ metadata }: V1Pod | V1Job): string {
  return metadata?.uid ?? metadata?.name ?? ''
}
