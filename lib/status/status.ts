import type { OpenPhase } from '../metrics/phases.js'
import type { CauseLabels, RunEnding } from '../metrics/runs.js'
import type { SlotState } from '../slots/slot-state.js'

/** Whose job it is and where people find it: nothing of a job's env but what Buildkite calls the job by. */
export interface StatusJob {
  jobId: string
  /** The build's page at Buildkite; empty when it is not known. */
  buildUrl: string
  /** The pipeline's slug. */
  pipeline: string
  /** The step's label. */
  label: string
}

/** A run that goes on. */
export interface StatusRun extends StatusJob {
  phase: OpenPhase
  /** When the phase began. */
  since: Date
  acceptedAt: Date
  jobName: string
  podName?: string | undefined
  node?: string | undefined
  /** What it waits for, for people, when its command does not run yet: its agent may, and its phase be `running`. */
  waitingFor?: string | undefined
}

/** A run that has ended. */
export interface StatusEnded extends StatusJob, CauseLabels {
  /** Who told Buildkite. */
  by: RunEnding['by']
  exitStatus?: number | undefined
  endedAt: Date
  /** From accept to the end. */
  seconds: number
}

/** What the program is doing, at one moment. It holds no token, and nothing of a job's env but its names. */
export interface StatusSnapshot {
  at: Date
  instance: string
  version: string
  state: 'standby' | 'starting' | 'leading' | 'stopping'
  /** Since when it leads, or since when it runs when it does not. */
  since: Date
  lease: { held: boolean; renewalAgeSeconds?: number | undefined }
  slots: Record<SlotState, number>
  /** What a person should look at, in words. */
  warnings: string[]
  /** What has been in its phase for the longest time comes first. */
  runs: StatusRun[]
  /** The last ones, newest first. */
  ended: StatusEnded[]
  /** Seconds since each watch was proved current; absent before its first list. */
  watches: { watch: string; ageSeconds?: number | undefined }[]
  ledger: { pages: number }
  upstream: {
    answeredAt?: Date | undefined
    failingSince?: Date | undefined
    failures: number
  }
  gateway: { heldCalls: number }
}

/** Where the status comes from. */
export interface StatusSource {
  snapshot(): StatusSnapshot
}
