import type { AgentJob } from '../types/agent-job.js'
import type { JobSession } from '../upstream/session.js'
import type { ChunkNumbers, LogPosition } from './splice.js'

/** What a pod reports when it finishes its job: the body of its own `finish`. */
export type PodFinish = Record<string, unknown>

/** How the finish that a pod asked for went upstream. */
export type FinishOutcome =
  | { state: 'done' }
  | { state: 'over' }
  | { state: 'refused'; status: number }
  | { state: 'passing' }

/** A pod that has proved who it is. */
export interface ProvenPod {
  name: string
  uid: string
}

/** Where a pod's calls may come from. */
export interface PodAddresses {
  /** Its own (`status.podIPs`); empty while the API server knows none. */
  pod: readonly string[]
  /** Those of its node (`status.hostIPs`), which its calls carry where the network translates addresses. */
  node: readonly string[]
}

/** What the gateway needs to know of a run, and what it tells it. The run itself lives in `lib/run`. */
export interface GatewayRun {
  readonly jobId: string
  /** Root of the tokens that the run's pod gets, base64url. */
  readonly secret: string
  readonly payload: AgentJob
  /** The real job token, with the endpoint and headers of the slot that has the job. */
  upstream(): JobSession
  /** Whether the run has ended: nothing more goes upstream. */
  readonly over: boolean
  /** Whether the job may still be acquired: a pod that has started it has it for good. */
  readonly acquirable: boolean
  /**
   * Makes the pod the one that has this run, or says who has it: the first pod wins, for good, over restarts too. Throws
   * `ClusterError` when the API server is needed to know and does not answer.
   */
  bindPod(pod: ProvenPod): Promise<'bound' | 'taken' | 'over'>
  /** Whether a token that we made for the pod of this UID is still good: no other pod has the run. */
  isPod(uid: string): boolean
  /** The pod has called, and proved who it is: once for each such call. Called back when that is answered. */
  podCalled(): () => void
  /**
   * The pod sends a chunk or its finish; `what` is the same when it does so again. Called back when that is answered, and
   * whether it was turned away and will come again.
   */
  podWrites(what: string): (comesAgain: boolean) => void
  /** The pod agent is there. */
  podConnected(pod: { hostname: string }): void
  /** The pod agent has called `start`. */
  podStarted(): void
  /** Where our own first lines end. They are final from now on, and durable when this resolves. */
  opening(): Promise<LogPosition>
  /** A chunk of the pod's is about to go upstream; numbers as upstream knows them. */
  chunkBegan(chunk: ChunkNumbers): void
  /** What became of it: upstream has it, has it not, or may have it (`unknown`: no answer came). Once for each begin. */
  chunkEnded(chunk: ChunkNumbers, outcome: 'taken' | 'refused' | 'unknown'): void
  /** The job's state, as upstream has just told it to the pod, which asked at that time, in milliseconds since 1970. */
  stateSeen(state: string, askedAt: number): void
  /** Delivers the pod's finish upstream, once. */
  finishFromPod(finish: PodFinish): Promise<FinishOutcome>
}
