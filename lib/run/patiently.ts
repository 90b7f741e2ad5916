import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Run } from './run.js'

// How often a job's log says again that Kubernetes does not let it go on.
const sayAgainMs = 30_000

/**
 * Asks the API server for something that a run needs, again and again while its refusal may pass. `told` is what the
 * job's log says then, before the API server's words: the first time, and after that once in a while. `logged` is what
 * ours says.
 * @throws whatever does not pass, and the run's own reason when it ends meanwhile.
 */
export async function patiently<T>(
  run: Run,
  { told, logged, clock }: { told: string; logged: string; clock: Clock },
  ask: () => Promise<T>,
): Promise<T> {
  let saidAt = -Infinity
  for (let attempt = 0; ; attempt++) {
    run.signal.throwIfAborted()
    try {
      return await ask()
    } catch (error) {
      if (!isClusterError(error, 'retry')) throw error
      if (clock.now() - saidAt >= sayAgainMs) {
        saidAt = clock.now()
        run.log.warn({ err: error, attempt }, logged)
        await tell(run, `${told}, trying again: ${error.message}`)
      }
      await clock.sleep(
        Math.max(backoffMs(attempt, clock.random()), error.retryAfterMs ?? 0),
        run.signal,
      )
    }
  }
}

// A ledger that refuses it is not what was asked, and nothing to end the run for.
async function tell(run: Run, line: string): Promise<void> {
  try {
    await run.noJobYet()
    await run.say([line])
  } catch (error) {
    if (!run.signal.aborted) run.log.warn({ err: error }, 'a line of ours is not in the log')
  }
}
