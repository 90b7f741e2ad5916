import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Run } from './run.js'

// How often a job's log says again that Kubernetes does not let it go on.
const sayAgainMs = 30_000

// After so long without an answer the log says so, too. While the API server is away, we may not write upstream either:
// the line comes when we may again.
const silenceMs = 15_000

/** What is said while something does not go on. */
export interface Words {
  /** In the job's log, before the API server's words. */
  told: string
  /** In ours. */
  logged: string
}

/**
 * Asks the API server for something that a run needs, again and again while its refusal may pass. The job's log is told
 * the first time, and after that once in a while. When the run ends, nobody waits for an answer that does not come.
 * @throws whatever does not pass, and the run's own reason when it ends meanwhile.
 */
export async function patiently<T>(
  run: Run,
  { told, logged, clock }: Words & { clock: Clock },
  ask: () => Promise<T>,
): Promise<T> {
  let saidAt = -Infinity
  const say = async (why: string) => {
    if (clock.now() - saidAt < sayAgainMs) return
    saidAt = clock.now()
    await run.say([`${told}, trying again: ${why}`])
  }
  for (let attempt = 0; ; attempt++) {
    run.signal.throwIfAborted()
    try {
      const silent = () => void say('the API server does not answer')
      return await answerOf(ask(), { run, clock, silent })
    } catch (error) {
      if (run.signal.aborted || !isClusterError(error, 'retry')) throw error
      if (clock.now() - saidAt >= sayAgainMs) run.log.warn({ err: error, attempt }, logged)
      run.noJobYet()
      await say(error.message)
      const ms = Math.max(backoffMs(attempt, clock.random()), error.retryAfterMs ?? 0)
      await clock.sleep(ms, run.signal)
    }
  }
}

async function answerOf<T>(
  answer: Promise<T>,
  { run, clock, silent }: { run: Run; clock: Clock; silent: () => void },
): Promise<T> {
  const enough = new AbortController()
  const signal = AbortSignal.any([run.signal, enough.signal])
  clock.sleep(silenceMs, signal).then(silent, () => undefined)
  const over = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  answer.catch(() => undefined)
  over.catch(() => undefined)
  try {
    return await Promise.race([answer, over])
  } finally {
    enough.abort()
  }
}
