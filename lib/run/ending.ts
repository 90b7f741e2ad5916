import type { Finish } from '../upstream/jobs.js'
import type { PodFinish } from '../gateway/gateway-run.js'

/** Why we end a run that its pod did not end: for the log, for people, and for `finish`. */
export interface Cause {
  /** A short word, such as OOMKilled or JobCancelled. */
  cause: string
  /** For people; may have several lines. */
  message: string
  exitStatus: number
  signalReason?: Finish['signal_reason']
  signal?: string
}

/** How a run ended. `upstream` means that Buildkite had ended the job already. */
export interface Ending {
  by: 'pod' | 'spawner' | 'upstream'
  exitStatus: number | undefined
  cause?: string
}

/** The body of `finish` for a cause of ours; `lost` pieces of the log are known not to have reached upstream. */
export function finishOf(
  { exitStatus, signal, signalReason }: Cause,
  { finishedAt, lost }: { finishedAt: Date; lost: number },
): Finish {
  return {
    exit_status: String(exitStatus),
    ...(signal !== undefined && { signal }),
    ...(signalReason !== undefined && { signal_reason: signalReason }),
    finished_at: finishedAt.toISOString(),
    chunks_failed_count: lost,
  }
}

/** The exit status that a pod reports; undefined when it is no number. */
export function reportedStatus(finish: PodFinish): number | undefined {
  const status = Number(finish['exit_status'])
  return Number.isInteger(status) ? status : undefined
}

/** The states in which upstream wants a running job to stop (agent: agent/job_runner.go). */
export function wantsStop(state: string): boolean {
  return ['canceling', 'canceled', 'timing_out', 'timed_out'].includes(state)
}

/** The states after which nothing of a job is left to do. */
export function isOver(state: string): boolean {
  return ['finished', 'canceled', 'timed_out', 'expired', 'skipped', 'broken'].includes(state)
}

/** The cause of a run that Buildkite wants stopped before its pod could do it itself. */
export function stopCause(state: string): Cause {
  const timedOut = state === 'timing_out' || state === 'timed_out'
  return {
    cause: timedOut ? 'JobTimedOut' : 'JobCancelled',
    message: timedOut
      ? 'The job timed out at Buildkite before its command ran. Its Job is deleted.'
      : 'The job was cancelled at Buildkite before its command ran. Its Job is deleted.',
    exitStatus: -1,
    signalReason: 'cancel',
  }
}
