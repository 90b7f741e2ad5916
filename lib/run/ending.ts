import type { PodFinish } from '../gateway/gateway-run.js'
import type { Fault } from '../pod/verdict/judgement.js'
import type { Finish } from '../upstream/jobs.js'

/** Why we end a run that its pod did not end: for the log, for people, and for `finish`. */
export interface Cause {
  /** A short word, such as OOMKilled or JobCancelled. */
  cause: string
  /** For people; may have several lines. */
  message: string
  exitStatus: number
  signalReason?: Finish['signal_reason']
  signal?: string
  /** Whose fault it is: who can help. */
  fault?: Fault
}

/** How a run ended. `upstream` means that Buildkite had ended the job already. */
export interface Ending {
  by: 'pod' | 'spawner' | 'upstream'
  exitStatus: number | undefined
  /** A short word; of a pod that ended by itself only when it was stopped, or the cluster knows more than its agent. */
  cause?: string
  fault?: Fault
  /** Whether it was cancelled, or timed out, at Buildkite. */
  cancelled?: boolean
}

/** What the cluster knows of an end that a pod has reported. */
export interface Told {
  /** A short word, such as OOMKilled; absent when there is nothing to explain, and only lines to add. */
  cause?: string
  fault?: Fault
  /** For people, where the log can't be written to; may have several lines. */
  message: string
  /** The same and more for the log, behind the pod's last line. */
  lines: readonly string[]
  /** What is put right in the pod's finish: a kill that its agent has not seen. */
  amend?: { exit_status: string; signal?: string }
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

/** A pod's finish with what its agent could not know. Whoever was killed has ended for no reason of the agent's. */
export function amended(reported: PodFinish, told: Told | undefined): PodFinish {
  if (!told?.amend) return reported
  const { signal_reason: _, ...rest } = reported
  return { ...rest, ...told.amend }
}

/** The exit status that a pod reports; undefined when it is no number. */
export function reportedStatus(finish: PodFinish): number | undefined {
  const status = Number(finish['exit_status'])
  return Number.isInteger(status) ? status : undefined
}

/** Whether a run with that cause may have ended before its pod ran: its words say so when the pod has not been seen. */
export function isBeforePod({ signalReason }: Cause): boolean {
  return ['process_run_error', 'agent_refused', 'stack_error'].includes(signalReason ?? '')
}

/** The states in which upstream wants a running job to stop (agent: agent/job_runner.go). */
export function wantsStop(state: string): boolean {
  return ['canceling', 'canceled', 'timing_out', 'timed_out'].includes(state)
}

/** What a job that upstream wants stopped has come to, in one word. */
export function stopWord(state: string | undefined): 'JobTimedOut' | 'JobCancelled' {
  return state === 'timing_out' || state === 'timed_out' ? 'JobTimedOut' : 'JobCancelled'
}

/** The states after which nothing of a job is left to do. */
export function isOver(state: string): boolean {
  return ['finished', 'canceled', 'timed_out', 'expired', 'skipped', 'broken'].includes(state)
}

/** The cause of a run that Buildkite wants stopped before its pod could do it itself. */
export function stopCause(state: string, { jobCreated }: { jobCreated: boolean }): Cause {
  const cause = stopWord(state)
  const what = cause === 'JobTimedOut' ? 'timed out' : 'was cancelled'
  const rest = jobCreated ? 'Its Job is deleted.' : 'No Job was made for it.'
  return {
    cause,
    message: `The job ${what} at Buildkite before its command ran. ${rest}`,
    exitStatus: -1,
    signalReason: 'cancel',
  }
}
