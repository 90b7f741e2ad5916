import type { Clock } from '../clock.js'
import type { PodFinish } from '../gateway/gateway-run.js'
import type { LogPosition } from '../gateway/splice.js'
import type { ClosingRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import type { Reason } from '../pod/verdict/reasons.js'
import type { AgentJob } from '../types/agent-job.js'
import type { Connection } from '../upstream/connection.js'
import type { AgentSession } from '../upstream/session.js'
import type { Opening } from './journal.js'

/** What is durable of an accepted job, beyond what upstream answered. */
export interface RunState {
  opening: Opening
  noJobAt?: number
  cursor?: LogPosition
  podUid?: string
  jobUid?: string
  reported?: PodFinish
  closing?: ClosingRecord
}

/** What a run is made of. */
export interface RunOptions {
  payload: AgentJob
  /** The name of its Job. */
  jobName: string
  secret: string
  state: RunState
  /** Whether an earlier process may have told a pod where its chunks begin. */
  restored: boolean
  /** The slot's session as it is now; the last one that was known when upstream has refused it. */
  session: () => AgentSession
  connection: Connection
  log: Log
  clock: Clock
  /** Makes the state durable. */
  keep: (state: RunState) => Promise<void>
  /** The state goes along with the next write, if there is one. */
  note?: (state: RunState) => void
  /** Why the cluster stopped the run's pod, when it did. */
  stopReason?: () => Promise<Reason | undefined>
  /** Whether the Job has never had another pod. Throws `ClusterError`. */
  isFirstPod?: (uid: string) => Promise<boolean>
}
