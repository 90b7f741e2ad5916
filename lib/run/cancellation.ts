import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { deleteUnfinished } from '../supervise/unfinished.js'
import { isOver, stopCause, wantsStop } from './ending.js'
import type { Run } from './run.js'
import { stateWord } from './state-word.js'

/** What watching for a cancellation needs. */
export interface CancellationContext {
  cluster: Cluster
  clock: Clock
  /** How often the job's state is asked for, as upstream announced it. */
  intervalMs: number
}

// Three of the pod agent's own polls, as the gateway tells it to poll: 2 s and up to 2 s of jitter.
const podPollMs = 12_000

/**
 * Asks for the job's state from accept to the end of the run. While the pod agent does it itself (only once its first
 * container has connected), we are silent. A job that is to stop before that has its Job deleted and is finished by us.
 */
export async function watchCancellation(run: Run, context: CancellationContext): Promise<void> {
  const { clock, intervalMs } = context
  try {
    for (let askedMs = 0; ;) {
      // Many runs that an earlier process left begin at the same moment.
      await clock.sleep(Math.max(intervalMs * (0.9 + clock.random() / 5), askedMs), run.signal)
      askedMs = 0
      if (podPolls(run, clock)) continue
      const word = await stateWord(run, clock)
      if (word.kind === 'none') askedMs = word.retryAfterMs
      if (word.kind === 'state' && (await stopped(run, word.state, context))) return
    }
  } catch (error) {
    if (!run.signal.aborted) throw error
  } finally {
    // A job that upstream ended without us leaves a Job behind that nobody wants.
    if (run.ending?.by === 'upstream' && !run.letGo) await deleteJob(run, context)
  }
}

// A pod that has reported and was let go has nothing left to stop: only upstream's word that it is over counts.
async function stopped(run: Run, state: string, context: CancellationContext): Promise<boolean> {
  if (run.letGo || !wantsStop(state)) {
    if (isOver(state)) run.endedUpstream(`the job is ${state}`)
    return isOver(state)
  }
  if (run.podSeen && (await podTakesOver(run, context.clock))) return false
  run.log.info({ state }, 'job to stop, deleting its Job')
  await Promise.all([run.end(stopCause(state)), deleteJob(run, context)])
  return true
}

function podPolls(run: Run, clock: Clock): boolean {
  return run.podPolledAt !== undefined && clock.now() - run.podPolledAt < podPollMs
}

// The pod agent is up: it polls, sees the same state and interrupts its containers, unless none has connected yet.
async function podTakesOver(run: Run, clock: Clock): Promise<boolean> {
  const until = clock.now() + podPollMs / 2
  while (clock.now() < until) {
    await clock.sleep(250, run.signal)
    if (podPolls(run, clock)) return true
  }
  return false
}

// What is left is deleted later, when its pod lingers.
async function deleteJob(run: Run, { cluster }: CancellationContext): Promise<void> {
  if (run.replaced) return
  try {
    await deleteUnfinished(run.jobName, cluster)
  } catch (error) {
    run.log.warn({ err: error }, 'Job not deleted')
  }
}
