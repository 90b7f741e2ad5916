import type { FinishOutcome } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import { annotate, finish, uploadChunk, type Chunk } from '../upstream/jobs.js'
import { retryableStatus, type RetryPolicy } from '../upstream/retry.js'
import type { JobSession } from '../upstream/session.js'
import type { Cause } from './ending.js'

/** What delivering something of a job upstream needs. */
export interface DeliveryContext {
  connection: Connection
  /** The job as it is now; its slot may have changed endpoint or headers. */
  job: JobSession
  /** Aborted when the run has ended, or is left to the next process. */
  signal: AbortSignal
  log: Log
}

/** Delivers a chunk of the log; one that upstream refuses for good is given up with a line in ours. */
export async function deliverChunk(
  chunk: Chunk,
  { connection, job, signal, log }: DeliveryContext,
): Promise<void> {
  try {
    await uploadChunk(connection, job, chunk, signal)
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'lines of ours did not reach the log')
  }
}

/** Delivers a `finish`, trying again as the policy has it, and says how upstream took it. */
export async function deliverFinish(
  body: object,
  policy: RetryPolicy,
  { connection, job, signal, log }: DeliveryContext,
): Promise<FinishOutcome> {
  try {
    await finish(connection, job, body, { policy, signal })
    return { state: 'done' }
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    if (error.status === undefined || retryableStatus(error.status)) return { state: 'passing' }
    // Over already: finished by an earlier attempt whose answer was lost, or by upstream itself.
    log.warn({ err: error }, 'finish refused')
    return { state: 'refused', status: error.status }
  }
}

/** Says why a job ended beside its log, where the log itself can't be written to. */
export async function annotateCause(
  { cause, message }: Pick<Cause, 'cause' | 'message'>,
  { connection, job, signal, log }: DeliveryContext,
): Promise<void> {
  const text = `**Job spawner: ${cause}**\n\n\`\`\`\n${message}\n\`\`\``
  try {
    await annotate(connection, job, { text, signal })
  } catch (error) {
    log.warn({ err: error }, 'the annotation with the cause was refused')
  }
}
