import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isOver, stopCause, wantsStop } from './ending.js'
import { deleteJobOf } from './job-deleted.js'
import type { Run } from './run.js'
import { stateWord } from './state-word.js'

/** What watching for a cancellation needs. */
export interface CancellationContext {
  cluster: Cluster
  clock: Clock
  /** How often the job's state is asked for, as upstream announced it. */
  intervalMs: number
}

/**
 * Asks for the job's state from accept to the end of the run. While the pod agent does it itself (only once its first
 * container has connected), we are silent. A job that is to stop before that is finished by us at once, and its Job, when
 * it has one, deleted.
 */
export async function watchCancellation(run: Run, context: CancellationContext): Promise<void> {
  const { clock, intervalMs } = context
  try {
    for (let askedMs = 0; ;) {
      // Many runs that an earlier process left begin at the same moment.
      await clock.sleep(Math.max(intervalMs * (0.9 + clock.random() / 5), askedMs), run.signal)
      askedMs = 0
      if (run.presence.polls) continue
      const word = await stateWord(run, clock)
      if (word.kind === 'none') askedMs = word.retryAfterMs
      if (word.kind === 'state' && (await stopped(run, word.state, context))) return
    }
  } catch (error) {
    if (!run.signal.aborted) throw error
  } finally {
    // A job that upstream ended without us leaves a Job behind that nobody wants.
    if (run.ending?.by === 'upstream' && !run.letGo) await deleteJobOf(run, context)
  }
}

// A pod that has reported and was let go has nothing left to stop: only upstream's word that it is over counts.
async function stopped(run: Run, state: string, context: CancellationContext): Promise<boolean> {
  if (run.letGo || !wantsStop(state)) {
    if (isOver(state)) run.endedUpstream(`the job is ${state}`)
    return isOver(state)
  }
  // After a restart of ours its pod may run, and nobody have looked yet.
  const mayRun = run.podSeen || run.restored
  if (mayRun && (await podTakesOver(run, context.clock))) return false
  run.log.info({ state, jobCreated: run.jobCreated }, 'job to stop before its pod runs it')
  await Promise.all([run.end(stopCause(state, run)), deleteJobOf(run, context)])
  return true
}

// The pod agent is up: it polls, sees the same state and interrupts its containers, unless none has connected yet.
async function podTakesOver({ presence, signal }: Run, clock: Clock): Promise<boolean> {
  const from = clock.now()
  while (!presence.handlesStop) {
    if (clock.now() - from >= presence.stopPatienceMs) return false
    await clock.sleep(250, signal)
  }
  return true
}
