import type { Log } from '../log.js'
import type { Fault } from '../pod/verdict/judgement.js'

/** Why a run ends that its pod does not end itself. */
export interface EndCause {
  cause: string
  /** Who can help; left out where nobody needs to. */
  fault?: Fault
  message: string
  exitStatus: number
  signalReason?: 'agent_stop' | 'process_run_error' | 'stack_error'
  signal?: string
}

/** What supervision needs to know of a run, and what it tells it. The run itself lives in `lib/run`. */
export interface SupervisedRun {
  readonly jobId: string
  /** The name of its Job, which stays the same whatever the settings say later. */
  readonly jobName: string
  readonly log: Log
  /** When its job was accepted, in milliseconds since 1970. */
  readonly acceptedAt: number
  /** The job's own variables: their values may be secrets. */
  readonly env: Readonly<Record<string, string>>
  /** The patterns of the names of variables whose values stay out of logs. */
  readonly redactedVars: readonly string[]
  /** Whether the run has ended, or is being ended. */
  readonly over: boolean
  /** Whether its pod agent has reported the end, which is on its way upstream: that goes before what we conclude. */
  readonly reporting: boolean
  readonly ending: object | undefined
  /** Whether another run has the job now, and with it the Job of that name. */
  readonly replaced: boolean
  /** Whether its Job has been made. */
  readonly jobCreated: boolean
  /** Whether its pod agent has been seen to run. */
  podSeen: boolean
  /** When its pod agent last called the gateway, in milliseconds since 1970; undefined when it has not called us yet. */
  readonly podCalledAt: number | undefined
  /**
   * When its pod agent last asked for the job's state, in milliseconds since 1970; `never` when it has surely not asked,
   * undefined when nobody knows, as after a restart of ours.
   */
  readonly podPolledAt?: number | 'never' | undefined
  /** Whether a chunk or a finish of its pod agent is under way. */
  readonly podWriting: boolean
  /** Adds lines to the job's log while its pod agent has not begun to write. */
  say(lines: readonly string[]): Promise<void>
  end(cause: EndCause): Promise<void>
}
