import { randomBytes } from 'node:crypto'
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import { isProblem, problemText } from '../errors.js'
import type { RunRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import { jobName } from '../pod/metadata.js'
import type { Slot } from '../slots/slot.js'
import { within } from '../slots/within.js'
import type { AgentJob } from '../types/agent-job.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import { accept } from '../upstream/jobs.js'
import type { AgentSession } from '../upstream/session.js'
import { watchCancellation } from './cancellation.js'
import { explanation } from './explanation.js'
import { begun, launch, type LaunchContext } from './launch.js'
import { logText, openingLines } from './log-lines.js'
import { isFirstPod } from './pod-binding.js'
import type { Records } from './records.js'
import { Run } from './run.js'
import type { RunState } from './run-options.js'
import type { Runs } from './runs.js'

/** What a run needs of the program. */
export interface RunContext extends LaunchContext {
  connection: Connection
  records: Records
  runs: Runs
  log: Log
  /** A job's Job and newest pod, as the watches know them. */
  watched?: (jobId: string, jobName: string) => { job: V1Job | undefined; pod: V1Pod | undefined }
  /** Called with a run that has ended. */
  afterRun?: (run: Run) => void
}

// Upstream takes a job back that is not started in half a minute after its accept; longer than this nobody need wait.
const acceptMs = 60_000

/**
 * The whole life of a job that a ping brought: accept, ledger, start, Job, and on until it has ended. Resolves then; at
 * once, to false, when upstream does not let us accept the job: it is none of ours.
 *
 * Nothing is written before the accept, and nothing is lost by a crash, wherever it comes:
 *
 * - before the ping is answered, or between its answer and the accept: upstream has assigned the job to an agent whose
 *   session is in the ledger since before it connected. The next process pings at once, and is told of the job again.
 * - between the accept and the ledger's answer: nobody has the job's token, and nobody starts it. Upstream names it with
 *   the next ping until its time to start is over (half a minute), then gives it out anew. No pod has been made.
 * - after the ledger has it: the next process goes on from what upstream says of the job (`recover`). A job that is
 *   written down and whose time to start is over is refused with the start; upstream has given it out anew.
 */
export async function takeJob(
  slot: Slot,
  jobId: string,
  context: RunContext,
): Promise<void | false> {
  const { runs, log } = context
  const session = slot.session
  if (!session) return false
  const run = await runs.whileAccepting(accepted(slot, { jobId, session }, context))
  if (!run) return false
  log.info({ job: jobId, slot: slot.index }, 'job accepted')
  const launched = durably(run, slot, context).then(() => launch(run.run, context))
  await finishRun(run.run, slot, launched, context)
}

/** Follows a run to its end, its state upstream too: `work` is what is left of its launch. */
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

/** What a run is made of: what the ledger holds of it, and the session that has it when its slot has none any more. */
interface RunOrigin {
  record: AcceptedRecord
  restored: boolean
  session?: AgentSession
}

/** A run, from what the ledger holds of it. */
export function makeRun(
  slot: Slot,
  { record, restored, session: first }: RunOrigin,
  context: RunContext,
): Run {
  const { cluster, connection, records, runs, log, clock, pod, watched = nothing } = context
  const redactedVars = pod.additionalRedactedVars ?? []
  let session = slot.session ?? first
  const name = record.jobName ?? jobName(record.jobId, pod.jobPrefix)
  const { opening, noJobAt, cursor, podUid, jobUid, reported, told, closing } = record
  const whole = (state: RunState) => ({ ...record, ...state })
  const run = new Run({
    payload: record.payload,
    jobName: name,
    secret: record.secret,
    state: { opening, noJobAt, cursor, podUid, jobUid, reported, told, closing },
    restored,
    session: () => (session = slot.session ?? session) as AgentSession,
    connection,
    log: log.child({ slot: slot.index }),
    clock,
    keep: state => records.setRun(slot.index, whole(state)),
    note: state => records.noteRun(slot.index, whole(state)),
    acceptedAt: record.acceptedAt,
    redactedVars,
    explain: finish =>
      explanation(
        finish,
        { jobName: name, env: record.payload.env, redactedVars },
        { cluster, clock, log, watched: () => watched(record.jobId, name) },
      ),
    isFirstPod: uid => isFirstPod(name, uid, cluster),
  })
  runs.add(run)
  return run
}

const nothing = () => ({ job: undefined, pod: undefined })

/** A record with all that a run needs. */
export type AcceptedRecord = RunRecord & Required<Pick<RunRecord, 'payload' | 'secret' | 'opening'>>

/** Whether a record is that of an accepted job, not of one that was about to be. */
export function isAccepted(record: RunRecord): record is AcceptedRecord {
  return record.phase === 'accepted' && !!record.payload && !!record.secret && !!record.opening
}

/** An accepted job, and its record that is not durable yet. */
interface Accepted {
  run: Run
  record: AcceptedRecord
}

async function accepted(
  slot: Slot,
  { jobId, session }: { jobId: string; session: AgentSession },
  context: RunContext,
): Promise<Accepted | undefined> {
  const payload = await acceptedPayload(session, jobId, context)
  if (!payload) return undefined
  const record = acceptedRecord(payload, context)
  return { record, run: makeRun(slot, { record, restored: false, session }, context) }
}

async function acceptedPayload(
  session: AgentSession,
  jobId: string,
  { connection, clock, log }: RunContext,
): Promise<AgentJob | undefined> {
  try {
    return await within(acceptMs, { clock }, signal =>
      accept(connection, session, { jobId, signal }),
    )
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
  { run, record }: Accepted,
  slot: Slot,
  { records, clock, log }: RunContext,
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
    if (!(await begun(run, clock))) return
    await run.end({
      cause: 'job not run',
      message: problemText(error),
      exitStatus: -1,
      signalReason: 'agent_refused',
      fault: 'job',
    })
  }
}
