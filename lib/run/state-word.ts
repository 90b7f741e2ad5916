import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import { messageOf } from '../errors.js'
import { UpstreamError } from '../upstream/connection.js'
import type { Run } from './run.js'

/** What upstream says of a run's job, asked once: its state, that it is none of ours any more, or nothing. */
export type StateWord =
  | { kind: 'state'; state: string }
  | { kind: 'gone'; surely: boolean }
  | { kind: 'none'; retryAfterMs: number }

// One wrong answer, of a proxy say, is not to cost a job.
const askTwiceMs = 2_000

/**
 * The job's state upstream, when there is one to be had now. A 401 or a 404 means that the job is not ours any more: in
 * upstream's own words, or said twice, it ends the run. @throws the signal's reason when the run ends.
 */
export async function stateWord(run: Run, clock: Clock): Promise<StateWord> {
  let word = await ask(run)
  if (word.kind === 'gone' && !word.surely) {
    await clock.sleep(askTwiceMs, run.signal)
    word = await ask(run)
  }
  if (word.kind === 'gone') run.endedUpstream('the job token is no longer good')
  return word
}

/** The same, asked for until there is a word; undefined when the run is over, or is left to the next process. */
export async function stateInTheEnd(run: Run, clock: Clock): Promise<string | undefined> {
  try {
    for (let attempt = 0; ; attempt++) {
      const word = await stateWord(run, clock)
      if (word.kind === 'state') return word.state
      if (word.kind === 'gone') return undefined
      const ms = Math.max(backoffMs(attempt, clock.random()), word.retryAfterMs)
      await clock.sleep(ms, run.signal)
    }
  } catch (error) {
    if (run.signal.aborted) return undefined
    throw error
  }
}

async function ask(run: Run): Promise<StateWord> {
  try {
    return { kind: 'state', state: await run.stateUpstream() }
  } catch (error) {
    run.signal.throwIfAborted()
    const { status, fault, message } = error instanceof UpstreamError ? error : {}
    if (status === 401 || status === 404) {
      // Upstream's refusals have words of their own, which the message ends with; a proxy's page has none.
      return { kind: 'gone', surely: message?.endsWith(`: ${status}`) === false }
    }
    run.log.debug({ why: messageOf(error) }, 'no job state')
    const asked = fault?.kind === 'status' ? (fault.retryAfterMs ?? 0) : 0
    return { kind: 'none', retryAfterMs: Math.min(asked, 60_000) }
  }
}
