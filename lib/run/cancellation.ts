import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { messageOf } from '../errors.js'
import { isFinished } from '../supervise/supervisor.js'
import { UpstreamError } from '../upstream/connection.js'
import { stopCause, wantsStop } from './ending.js'
import type { Run } from './run.js'

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
    for (;;) {
      await clock.sleep(intervalMs, run.signal)
      if (podPolls(run, clock)) continue
      const state = await stateOf(run)
      if (state === undefined || !wantsStop(state)) continue
      if (run.podSeen && (await podTakesOver(run, clock))) continue
      run.log.info({ state }, 'job to stop, deleting its Job')
      await Promise.all([run.end(stopCause(state)), deleteJob(run, context)])
      return
    }
  } catch (error) {
    if (!run.signal.aborted) throw error
  } finally {
    // A job that upstream ended without us leaves a Job behind that nobody wants, unless it has come to its end too.
    if (run.ending?.by === 'upstream') await deleteUnfinished(run, context)
  }
}

function podPolls(run: Run, clock: Clock): boolean {
  return run.podPolledAt !== undefined && clock.now() - run.podPolledAt < podPollMs
}

/** The state, or undefined when upstream gave none. A 401 or 404 means that the job is not ours any more. */
async function stateOf(run: Run): Promise<string | undefined> {
  try {
    return await run.stateUpstream()
  } catch (error) {
    if (run.signal.aborted) throw error
    if (error instanceof UpstreamError && (error.status === 401 || error.status === 404)) {
      run.endedUpstream('the job token is no longer good')
    } else {
      run.log.debug({ why: messageOf(error) }, 'no job state')
    }
    return undefined
  }
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

async function deleteJob(run: Run, { cluster }: CancellationContext): Promise<void> {
  try {
    await cluster.deleteJob(run.jobName)
  } catch (error) {
    run.log.warn({ err: error }, 'Job not deleted')
  }
}

async function deleteUnfinished(run: Run, context: CancellationContext): Promise<void> {
  const job = await context.cluster.getJob(run.jobName).catch(() => undefined)
  if (job && !isFinished(job)) await deleteJob(run, context)
}
