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

/** What the gateway needs to know of a run, and what it tells it. The run itself lives in `lib/run`. */
export interface GatewayRun {
  readonly jobId: string
  /** Root of the run's three tokens, base64url. */
  readonly secret: string
  readonly payload: AgentJob
  /** The real job token, with the endpoint and headers of the slot that has the job. */
  upstream(): JobSession
  /** Whether the run has ended: nothing more goes upstream. */
  readonly over: boolean
  /** Whether the job may still be acquired: a pod that has started it has it for good. */
  readonly acquirable: boolean
  /** The pod agent is there. */
  podConnected(pod: { hostname: string }): void
  /** The pod agent has called `start`. */
  podStarted(): void
  /** Where our own first lines end. They are final from now on, and durable when this resolves. */
  opening(): Promise<LogPosition>
  /** A chunk of the pod's has gone upstream; numbers as upstream knows them. */
  chunkSent(chunk: ChunkNumbers): void
  /** The job's state, as upstream has just told it to the pod. */
  stateSeen(state: string): void
  /** Delivers the pod's finish upstream, once. */
  finishFromPod(finish: PodFinish): Promise<FinishOutcome>
}
