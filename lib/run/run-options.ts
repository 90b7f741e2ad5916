import type { Clock } from '../clock.js'
import type { PodFinish } from '../gateway/gateway-run.js'
import type { LogPosition } from '../gateway/splice.js'
import type { ClosingRecord, ToldRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import type { AgentJob } from '../types/agent-job.js'
import type { Connection } from '../upstream/connection.js'
import type { AgentSession } from '../upstream/session.js'
import type { Told } from './ending.js'
import type { Opening } from './journal.js'

/** What is durable of an accepted job, beyond what upstream answered. */
export interface RunState {
  opening: Opening
  noJobAt?: number
  cursor?: LogPosition
  podUid?: string
  jobUid?: string
  reported?: PodFinish
  told?: ToldRecord
  closing?: ClosingRecord
}

/** When a run came to each phase, in milliseconds since 1970. */
export interface RunTimes {
  acceptedAt: number
  /** The Job was made. */
  jobCreatedAt?: number
  /** The pod agent registered at the gateway. */
  connectedAt?: number
  /** The pod agent began the job. */
  startedAt?: number
  endedAt?: number
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
  /** When upstream gave us the job; now, when it is left out. Milliseconds since 1970. */
  acceptedAt?: number | undefined
  /** Patterns of the names of variables whose values are not for logs, beside the agent's own. */
  redactedVars?: readonly string[] | undefined
  /** What the cluster knows of an end that a pod has reported, and its agent can't know. Takes seconds at most. */
  explain?: ((reported: PodFinish) => Promise<Told | undefined>) | undefined
  /** Whether the Job has never had another pod. Throws `ClusterError`. */
  isFirstPod?: (uid: string) => Promise<boolean>
}
