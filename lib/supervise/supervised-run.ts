import type { Log } from '../log.js'

/** Why a run ends that its pod does not end itself. */
export interface EndCause {
  cause: string
  message: string
  exitStatus: number
  signalReason?: 'agent_stop' | 'process_run_error'
  signal?: string
}

/** What supervision needs to know of a run, and what it tells it. The run itself lives in `lib/run`. */
export interface SupervisedRun {
  readonly jobId: string
  /** The name of its Job, which stays the same whatever the settings say later. */
  readonly jobName: string
  readonly log: Log
  /** Whether the run has ended, or is being ended. */
  readonly over: boolean
  readonly ending: object | undefined
  /** Whether another run has the job now, and with it the Job of that name. */
  readonly replaced: boolean
  /** Whether its Job has been made. */
  readonly jobCreated: boolean
  /** Whether its pod agent has been seen to run. */
  podSeen: boolean
  /** Adds lines to the job's log while its pod agent has not begun to write. */
  say(lines: readonly string[]): Promise<void>
  end(cause: EndCause): Promise<void>
}
