import type { Happening } from './hook/plan.js'
import type { JobKind } from './jobs.js'
import type { Life } from './replica.js'

/** A job as it was meant, and as upstream has seen it. Times are those of `time.ts`. */
export interface JobRecord {
  id: string
  kind: JobKind
  state: string
  exitStatus: number | undefined
  signalReason: string | undefined
  finishCount: number
  chunksFailedCount: number
  events: readonly { event: string; at: number }[]
  /** Without time markers. */
  log: string
  /** How often the job's command has begun, wherever. */
  executions: number
  /** What the suite itself has done to it, in words: then it may end otherwise than it was meant to. */
  harm: readonly string[]
}

/** A request as upstream saw it. */
export interface UpstreamRequest {
  at: number
  method: string
  path: string
  status: number
  agent?: string
  job?: string
}

/** A change of an object as the API server saw it; the object as it was afterwards, or last. */
export interface ObjectChange {
  at: number
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  kind: string
  namespace: string | undefined
  name: string
  object: Readonly<Record<string, unknown>>
}

/** A write as the API server took it from a client. */
export interface ClusterWrite {
  at: number
  verb: 'create' | 'update' | 'delete'
  kind: string
  name: string
}

/** Text that others may see, and where. */
export interface SeenText {
  where: string
  text: string
}

/** What was promised, in numbers. */
export interface Limits {
  maxInFlight: number
  /** How long a process may hold the lease without renewing it. */
  leaseMs: number
  /** How soon after the last fault all must be at rest. */
  restMs: number
  /** Kubernetes writes and upstream requests (without pings, heartbeats, looks at a job's state) for each job. */
  writesPerJob: number
  requestsPerJob: number
}

/** All that was seen of one scenario: plain data, which the invariants are checked over. */
export interface History {
  jobs: readonly JobRecord[]
  requests: readonly UpstreamRequest[]
  /** What upstream objected to. */
  objections: readonly string[]
  happenings: readonly Happening[]
  lives: readonly Life[]
  changes: readonly ObjectChange[]
  writes: readonly ClusterWrite[]
  texts: readonly SeenText[]
  /** What may be in none of the texts. */
  secrets: readonly { what: string; value: string }[]
  limits: Limits
  /** How many replicas there were. */
  replicas: number
  /** How many faults the suite has made: more of them cost more. */
  faults: number
  /** What is not at rest at the end, in words. */
  unrest: readonly string[]
  /** The end of the scenario. */
  endedAt: number
}
