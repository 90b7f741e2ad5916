import type { SlotRecord } from '../ledger/record.js'
import type { SlotPool } from '../slots/pool.js'
import type { Slot } from '../slots/slot.js'
import type { Supervisor } from '../supervise/supervisor.js'
import { isOver, stopCause, wantsStop } from './ending.js'
import { wasMade } from './job-made.js'
import { createJob, launch } from './launch.js'
import { patiently } from './patiently.js'
import type { Run } from './run.js'
import { stateInTheEnd } from './state-word.js'
import {
  finishRun,
  isAccepted,
  makeRun,
  takeJob,
  type AcceptedRecord,
  type RunContext,
} from './take.js'

/** What an earlier process left, and what it is taken up with. */
export interface Recovery {
  pool: SlotPool
  supervisor: Pick<Supervisor, 'synced' | 'hasJob'>
  context: RunContext
}

/**
 * Takes up the slots and runs of an earlier process: heartbeats at once, the runs known to the gateway before this
 * returns, and slots without a run ask upstream at once whether it has given them a job meanwhile. Each run then goes on
 * by itself from what upstream and the cluster say of it.
 */
export async function recover(records: readonly SlotRecord[], recovery: Recovery): Promise<void> {
  const { pool, context } = recovery
  for (const record of records) {
    const { slot: index, registration, run } = record
    if (!registration) {
      forget(index, context)
      continue
    }
    context.records.adopt(record)
    const slot = pool.slot(index)
    if (!run) {
      pool.takeUp(slot, registration)
      continue
    }
    slot.resume(registration, { busy: true, beatNow: true })
    const fields = { job: run.jobId, slot: index, phase: run.phase }
    context.log.info(fields, 'run taken up from the ledger')
    if (isAccepted(run)) pool.adopt(slot, takeUp(slot, run, recovery))
    // As an earlier version left it: the answer to the accept may have been lost, and upstream knows whose the job is.
    else pool.adopt(slot, takeJob(slot, run.jobId, context))
  }
}

function forget(slot: number, { records, log }: RunContext): void {
  records
    .forget(slot)
    .catch((error: unknown) => log.warn({ err: error, slot }, 'an empty record stays'))
}

function takeUp(slot: Slot, record: AcceptedRecord, recovery: Recovery): Promise<void> {
  const run = makeRun(slot, { record, restored: true }, recovery.context)
  return finishRun(run, slot, goOn(run, record, recovery), recovery.context)
}

async function goOn(run: Run, record: AcceptedRecord, recovery: Recovery): Promise<void> {
  const { supervisor, context } = recovery
  // The pod has been let go: there is nothing else to do for it.
  if (run.resumeFinish()) return
  const [state, synced] = await Promise.all([
    stateInTheEnd(run, context.clock),
    supervisor.synced(),
  ])
  if (state === undefined || !synced || run.signal.aborted) return
  if (isOver(state)) return run.endedUpstream(`the job is ${state}`)
  if (record.closing) return run.end(record.closing.cause)
  const hasJob = await findJob(run, recovery)
  if (run.signal.aborted) return
  if (state === 'assigned' || state === 'accepted') {
    if (!hasJob) run.reopen()
    return launch(run, context)
  }
  run.resume()
  if (!hasJob) await withoutJob(run, { record, state }, context)
}

// Only when upstream has spoken: until then the pod of a job that is over is nobody's failure. A watch may be behind.
async function findJob(run: Run, { supervisor, context }: Recovery): Promise<boolean> {
  const cached = supervisor.hasJob(run.jobName)
  const job = cached
    ? undefined
    : await asked(run, context, () => context.cluster.getJob(run.jobName))
  if (cached || job) run.jobMade(job?.metadata?.uid)
  return cached || job !== undefined
}

async function withoutJob(
  run: Run,
  { record, state }: { record: AcceptedRecord; state: string },
  context: RunContext,
): Promise<void> {
  const made = await asked(run, context, () =>
    wasMade({ ...record, jobName: run.jobName }, context),
  )
  if (run.signal.aborted) return
  if (made === false) run.reopen()
  if (wantsStop(state)) return run.end(stopCause(state, { jobCreated: made !== false }))
  if (made === false) {
    run.log.info('the Job was never made, making it')
    return createJob(run, context)
  }
  await run.end({
    cause: 'JobDeleted',
    message:
      'There is no Job: while no job spawner was there to see it, it was deleted, or never made.',
    exitStatus: -1,
    signalReason: 'agent_stop',
    fault: 'cluster',
  })
}

/** The API server's answer, however long that takes; undefined when it will not be had, or the run is over. */
async function asked<T>(
  run: Run,
  { clock }: RunContext,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  const words = {
    told: 'Kubernetes does not say what became of the Job yet',
    logged: 'Job not asked for yet',
  }
  try {
    return await patiently(run, { ...words, clock }, ask)
  } catch (error) {
    if (!run.signal.aborted) run.log.warn({ err: error }, 'what became of the Job is not known')
    return undefined
  }
}
