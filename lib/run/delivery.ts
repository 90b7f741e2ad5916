import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import type { FinishOutcome } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import { annotate, finish, jobState, uploadChunk, type Chunk } from '../upstream/jobs.js'
import { policies, retryableStatus, type RetryPolicy } from '../upstream/retry.js'
import type { JobSession } from '../upstream/session.js'
import { isOver, type Cause } from './ending.js'

/** What delivering something of a job upstream needs. */
export interface DeliveryContext {
  connection: Connection
  /** The job as it is now; its slot may have changed endpoint or headers. */
  job: () => JobSession
  /** Aborted when the run has ended, or is left to the next process. */
  signal: AbortSignal
  clock: Clock
  log: Log
}

const slowlyMs = 120_000

/** For a `finish` that nobody else can deliver: without end, and after the first hour every two minutes. */
export const untilTaken: RetryPolicy = {
  attempts: Infinity,
  waitMs: n => (n < policies.finish.attempts ? policies.finish.waitMs(n) : slowlyMs),
  passing: policies.finish.passing,
}

/** Whether a call that failed so may be taken later. */
export function mayPass(error: unknown): error is UpstreamError {
  if (!(error instanceof UpstreamError)) return false
  return error.status === undefined || retryableStatus(error.status)
}

// Rounds of a call's own policy. Hours: but for a fault of that one call the job's `finish` can't wait for ever.
const mostRounds = { chunk: 3, annotate: 240 }

/** Delivers a chunk of the log, however long upstream is away; false, with a line in ours, when it is refused for good. */
export async function deliverChunk(chunk: Chunk, context: DeliveryContext): Promise<boolean> {
  const { connection, job, signal, log } = context
  try {
    await untilAnswered(() => uploadChunk(connection, job(), chunk, signal), {
      ...context,
      rounds: mostRounds.chunk,
    })
    return true
  } catch (error) {
    if (signal.aborted) return true
    log.warn({ err: error }, 'lines of ours did not reach the log')
    return false
  }
}

/**
 * Delivers a `finish`, trying again as the policy has it, and says how upstream took it. `stack_error` is a word of the
 * Stacks API, which nobody has seen upstream take from an agent: a finish that is refused for it is sent once more, with
 * `process_run_error`, which is what an agent says when the command never ran.
 */
export async function deliverFinish(
  body: object & { signal_reason?: unknown },
  policy: RetryPolicy,
  context: DeliveryContext,
): Promise<FinishOutcome> {
  const outcome = await deliverOnce(body, policy, context)
  if (outcome.state !== 'refused' || body.signal_reason !== 'stack_error') return outcome
  if ([401, 404].includes(outcome.status) || !(await isStillOurs(context))) return outcome
  context.log.warn('upstream takes no stack_error from an agent: the finish says process_run_error')
  return deliverOnce({ ...body, signal_reason: 'process_run_error' }, policy, context)
}

async function deliverOnce(
  body: object,
  policy: RetryPolicy,
  { connection, job, signal, log }: DeliveryContext,
): Promise<FinishOutcome> {
  try {
    await finish(connection, job(), body, { policy, signal })
    return { state: 'done' }
  } catch (error) {
    if (mayPass(error)) return { state: 'passing' }
    if (!(error instanceof UpstreamError) || error.status === undefined) throw error
    // Over already: finished by an earlier attempt whose answer was lost, or by upstream itself.
    log.warn({ err: error }, 'finish refused')
    return { state: 'refused', status: error.status }
  }
}

// A refusal may also mean that an earlier attempt was taken whose answer was lost: a second finish would be one too many.
async function isStillOurs(context: DeliveryContext): Promise<boolean> {
  const { connection, job, signal, clock } = context
  for (let attempt = 0; ; attempt++) {
    try {
      return !isOver(await jobState(connection, job(), signal))
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof UpstreamError && !mayPass(error)) return false
      await clock.sleep(backoffMs(attempt, clock.random()), signal)
    }
  }
}

/** Says why a job ended beside its log, where the log itself can't be written to. */
export async function annotateCause(
  { cause, message }: Pick<Cause, 'cause' | 'message'>,
  context: DeliveryContext,
): Promise<void> {
  const { connection, job, signal, log } = context
  const text = `**Job spawner: ${cause}**\n\n\`\`\`\n${message}\n\`\`\``
  try {
    await untilAnswered(() => annotate(connection, job(), { text, signal }), {
      ...context,
      rounds: mostRounds.annotate,
    })
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'the annotation with the cause was refused')
  }
}

// The policies of these calls end, and upstream may be away for longer.
async function untilAnswered(
  act: () => Promise<void>,
  { signal, clock, rounds }: DeliveryContext & { rounds: number },
): Promise<void> {
  for (let round = 1; ; round++) {
    try {
      return await act()
    } catch (error) {
      if (signal.aborted || round >= rounds || !mayPass(error)) throw error
      await clock.sleep(backoffMs(round + 3, clock.random()), signal)
    }
  }
}
