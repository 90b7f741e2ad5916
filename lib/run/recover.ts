import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import type { SlotRecord } from '../ledger/record.js'
import type { SlotPool } from '../slots/pool.js'
import type { Slot } from '../slots/slot.js'
import type { Supervisor } from '../supervise/supervisor.js'
import { UpstreamError } from '../upstream/connection.js'
import { isOver } from './ending.js'
import { createJob, launch } from './launch.js'
import type { Run } from './run.js'
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

// An earlier process that crashed before it had made the Job did so within this time of knowing that there was none.
const createWindowMs = 60_000

/**
 * Takes up the slots and runs of an earlier process: heartbeats at once, the runs known to the gateway before this
 * returns. Each run then goes on from what upstream and the cluster say of it.
 */
export async function recover(records: readonly SlotRecord[], recovery: Recovery): Promise<void> {
  const { pool, context } = recovery
  for (const record of records) {
    const slot = pool.slot(record.slot)
    if (!record.registration) {
      await context.records.forget(record.slot)
      continue
    }
    context.records.adopt(record)
    slot.resume(record.registration, { busy: record.run !== undefined, beatNow: true })
    const { run } = record
    if (!run) continue
    context.log.info(
      { job: run.jobId, slot: slot.index, phase: run.phase },
      'run taken up from the ledger',
    )
    if (isAccepted(run)) pool.adopt(slot, takeUp(slot, run, recovery))
    // The answer to the accept may have been lost: upstream knows whether the job is still ours.
    else pool.adopt(slot, takeJob(slot, run.jobId, context))
  }
}

function takeUp(slot: Slot, record: AcceptedRecord, recovery: Recovery): Promise<void> {
  const run = makeRun(slot, { record, restored: true }, recovery.context)
  return finishRun(run, slot, goOn(run, record, recovery), recovery.context)
}

async function goOn(
  run: Run,
  record: AcceptedRecord,
  { supervisor, context }: Recovery,
): Promise<void> {
  if (!(await supervisor.synced())) return
  const hasJob = supervisor.hasJob(run.jobName)
  const state = await stateOf(run, context.clock)
  // Only now: until upstream has spoken, the pod of a job that is over is nobody's failure.
  run.jobCreated = hasJob
  if (state === undefined) return
  if (isOver(state)) return run.endedUpstream(`the job is ${state}`)
  if (record.closing) return run.end(record.closing.cause)
  if (state === 'assigned' || state === 'accepted') {
    if (!hasJob) run.reopen()
    return launch(run, context)
  }
  run.resume()
  if (hasJob) return
  const noJobAt = Math.max(record.acceptedAt ?? 0, record.noJobAt ?? 0)
  if (context.clock.now() - noJobAt < createWindowMs) {
    run.reopen()
    return createJob(run, context)
  }
  await run.end({
    cause: 'JobDeleted',
    message:
      'There is no Job: while no job spawner was there to see it, it was deleted, or never made.',
    exitStatus: -1,
    signalReason: 'agent_stop',
  })
}

/** Upstream's word on the job, asked for until there is one; undefined when the job is not ours any more. */
async function stateOf(run: Run, clock: Clock): Promise<string | undefined> {
  for (let attempt = 0; !run.signal.aborted; attempt++) {
    try {
      return await run.stateUpstream()
    } catch (error) {
      if (run.signal.aborted) return undefined
      if (error instanceof UpstreamError && (error.status === 401 || error.status === 404)) {
        run.endedUpstream('the job is over')
        return undefined
      }
      await clock.sleep(backoffMs(attempt, clock.random()), run.signal).catch(() => undefined)
    }
  }
  return undefined
}
