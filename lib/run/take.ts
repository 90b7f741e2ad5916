import { randomBytes } from 'node:crypto'
import { isProblem, problemText } from '../errors.js'
import type { RunRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import { jobName } from '../pod/metadata.js'
import type { Slot } from '../slots/slot.js'
import type { AgentJob } from '../types/agent-job.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import { accept } from '../upstream/jobs.js'
import type { AgentSession } from '../upstream/session.js'
import { watchCancellation } from './cancellation.js'
import { begun, launch, type LaunchContext } from './launch.js'
import { logText, openingLines } from './log-lines.js'
import type { Records } from './records.js'
import { Run, type RunState } from './run.js'
import type { Runs } from './runs.js'
import { clusterStopReason } from './stop-reason.js'

/** What a run needs of the program. */
export interface RunContext extends LaunchContext {
  connection: Connection
  records: Records
  runs: Runs
  log: Log
  /** Called with a run that has ended. */
  afterRun?: (run: Run) => void
}

/**
 * The whole life of a job that a ping brought: ledger, accept, ledger, start, Job, and on until it has ended. Resolves
 * then; at once, to false, when upstream does not let us accept the job: it is none of ours.
 */
export async function takeJob(
  slot: Slot,
  jobId: string,
  context: RunContext,
): Promise<void | false> {
  const { records, log } = context
  const session = slot.session
  if (!session) return false
  await records.setRun(slot.index, { jobId, phase: 'accepting' })
  const payload = await acceptedPayload(session, jobId, context)
  if (!payload) {
    records.clearRun(slot.index)
    return false
  }
  log.info({ job: jobId, slot: slot.index }, 'job accepted')
  const record = acceptedRecord(payload, context)
  const run = makeRun(slot, { record, restored: false }, context)
  await durably(run, slot, record, context)
  await finishRun(run, slot, launch(run, context), context)
}

/** Follows a run to its end: `work` is what is left of its launch. */
export async function finishRun(
  run: Run,
  slot: Slot,
  work: Promise<void>,
  context: RunContext,
): Promise<void> {
  const intervalMs = (slot.session?.jobStatusInterval ?? 5) * 1_000
  const watching = watchCancellation(run, {
    cluster: context.cluster,
    clock: context.clock,
    intervalMs,
  })
  await Promise.all([work, watching, run.ended])
  context.records.clearRun(slot.index)
  context.afterRun?.(run)
}

/** A run, from what the ledger holds of it. */
export function makeRun(
  slot: Slot,
  { record, restored }: { record: AcceptedRecord; restored: boolean },
  { cluster, connection, records, runs, log, clock, pod }: RunContext,
): Run {
  let session = slot.session
  const keep = (state: RunState) => records.setRun(slot.index, { ...record, ...state })
  const name = record.jobName ?? jobName(record.jobId, pod.jobPrefix)
  const run = new Run({
    payload: record.payload,
    jobName: name,
    secret: record.secret,
    state: {
      opening: record.opening,
      noJobAt: record.noJobAt,
      cursor: record.cursor,
      closing: record.closing,
    },
    restored,
    session: () => (session = slot.session ?? session) as AgentSession,
    connection,
    log: log.child({ slot: slot.index }),
    clock,
    keep,
    stopReason: async () => clusterStopReason(name, { cluster, clock, log }),
  })
  runs.add(run)
  return run
}

/** A record with all that a run needs. */
export type AcceptedRecord = RunRecord & Required<Pick<RunRecord, 'payload' | 'secret' | 'opening'>>

/** Whether a record is that of an accepted job, not of one that was about to be. */
export function isAccepted(record: RunRecord): record is AcceptedRecord {
  return record.phase === 'accepted' && !!record.payload && !!record.secret && !!record.opening
}

async function acceptedPayload(
  session: AgentSession,
  jobId: string,
  { connection, log }: RunContext,
): Promise<AgentJob | undefined> {
  try {
    return await accept(connection, session, { jobId })
  } catch (error) {
    // Without a payload there is no job token to finish with: upstream gives the job to somebody else in half a minute.
    if (!(error instanceof UpstreamError) && !isProblem(error)) throw error
    log.warn({ err: error, job: jobId }, 'job not accepted')
    return undefined
  }
}

function acceptedRecord(payload: AgentJob, { pod, clock }: RunContext): AcceptedRecord {
  const name = jobName(payload.id, pod.jobPrefix)
  const lines = openingLines({ jobName: name, namespace: pod.namespace })
  const text = logText(lines, clock.now())
  return {
    jobId: payload.id,
    phase: 'accepted',
    payload,
    jobName: name,
    secret: randomBytes(32).toString('base64url'),
    opening: { text: text.toString(), sequence: 1, bytes: text.length },
    acceptedAt: clock.now(),
  }
}

// A job that is too large for the ledger could be lost in a crash: it is failed with that reason rather than run.
async function durably(
  run: Run,
  slot: Slot,
  record: AcceptedRecord,
  { records, log }: RunContext,
): Promise<void> {
  try {
    await records.setRun(slot.index, record)
  } catch (error) {
    if (!isProblem(error, 'LEDGER_RECORD')) {
      // Not started, so upstream gives the job to somebody else in half a minute.
      run.endedUpstream('not in the ledger')
      throw error
    }
    log.warn({ err: error, job: run.jobId }, 'job too large for the ledger')
    if (!(await begun(run))) return
    await run.end({
      cause: 'job not run',
      message: problemText(error),
      exitStatus: -1,
      signalReason: 'agent_refused',
    })
  }
}
