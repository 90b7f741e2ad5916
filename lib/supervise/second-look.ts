import type { V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { containerTroubles } from '../pod/verdict/starts.js'
import type { Over, Seen } from '../pod/verdict/verdict.js'
import { lookFreshly, seeEvents, type FreshLook } from './fresh-look.js'
import { judged } from './judged.js'
import type { Notes } from './notes.js'
import type { Sight } from './sight.js'
import type { SupervisedRun } from './supervised-run.js'

/** A verdict that the API server has confirmed. */
export interface Confirmed {
  found: Over
  look: FreshLook
  /** Whether it holds still, by what is known of the pod's agent by now. */
  isStill: () => boolean
}

/**
 * Asks the API server whether a run is over as the watches have it, events included when the verdict rests on them.
 * Undefined when it is not. Throws `ClusterError` when the API server does not answer.
 */
export async function secondLook(
  run: SupervisedRun,
  notes: Notes,
  { cluster, clock, sight }: { cluster: Cluster; clock: Clock; sight: Sight },
): Promise<Confirmed | undefined> {
  const context = { cluster, log: run.log }
  const nodeOf = (pod: V1Pod | undefined) => sight.freshNode(run, notes, pod)
  const look = await lookFreshly(run.jobName, { ...context, nodeOf })
  let events: FreshEvents = {}
  const seenNow = (): Seen => {
    const known = sight.seenOf(run, notes)
    return { ...known, ...look, jobEvents: look.jobEvents ?? known.jobEvents, ...events }
  }
  const judge = (seen = seenNow()) => judged(seen, notes, clock.now())
  // The watch may have missed an event that says something else.
  if (judge().state === 'over' && restsOnEvents(seenNow(), judge)) {
    events = await freshEvents(run, seenNow(), { ...context, podName: notes.podName })
  }
  const found = judge()
  return found.state === 'over'
    ? { found, look, isStill: () => judge().state === 'over' }
    : undefined
}

/** The events that the API server knows of now. */
type FreshEvents = Pick<Seen, 'events' | 'jobEvents'>

// Also when a container came to its trouble, and with it how long that is borne, is in an event.
function restsOnEvents(seen: Seen, judge: (seen: Seen) => { state: string }): boolean {
  if (seen.pod && containerTroubles(seen.pod, seen).some(({ graceMs }) => graceMs > 0)) return true
  return judge({ ...seen, events: undefined, jobEvents: undefined }).state !== 'over'
}

async function freshEvents(
  { jobName }: SupervisedRun,
  { pod, jobEvents }: Seen,
  { podName, ...context }: Parameters<typeof seeEvents>[1] & { podName: string | undefined },
): Promise<FreshEvents> {
  const name = pod?.metadata?.name ?? podName
  return {
    events: name === undefined ? undefined : await seeEvents(name, context),
    jobEvents: pod ? await seeEvents(jobName, context) : jobEvents,
  }
}
