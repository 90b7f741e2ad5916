import type { CommandStep } from '../../pipeline/command-step.js'
import type { WaitStep } from '../../pipeline/step.js'
import type { JobEvent, JobState } from './lifecycle.js'
import type { LogAssembly } from './log-assembly.js'

/** What is noted of a job besides its moves. */
export type JobNote = JobEvent | 'created' | 'firstChunk' | 'retried'

/** Something that happened to a job, in milliseconds since 1970. */
export interface TimedEvent {
  event: JobNote
  at: number
}

/** An agent as the emulator keeps it. */
export interface AgentRecord {
  id: string
  name: string
  /** Tags as `key=value`. */
  tags: string[]
  state: 'registered' | 'connected' | 'disconnected' | 'lost'
  ignoreInDispatches: boolean
  version: string
  registeredAt: number
  connectedAt?: number
  lastHeartbeat?: number
  /** The job that it has, from assignment to the end. */
  job?: JobRecord | undefined
  /** What the next pings tell it to do. */
  action?: 'disconnect' | 'pause' | undefined
}

/** A job as the emulator keeps it. */
export interface JobRecord {
  id: string
  build: BuildRecord
  step: CommandStepRecord
  state: JobState
  /** When it came into its state. */
  since: number
  createdAt: number
  runnableAt?: number
  env: Record<string, string>
  /** Place among the jobs of a step with `parallelism`, from 0. */
  parallelJob?: number
  retryCount: number
  /** The job that runs instead of this failed one. */
  retriedIn?: string
  agent?: AgentRecord | undefined
  /** Agents that lost the job because they were too slow, or gone. */
  formerAgents: AgentRecord[]
  token?: string | undefined
  timeoutMs?: number | undefined
  events: TimedEvent[]
  log: LogAssembly
  exitStatus?: number
  signal?: string | undefined
  signalReason?: string | undefined
  chunksFailedCount?: number
  promisedExitStatus?: number
  /** How many finish calls came, refused ones included, and the body of the one that counted. */
  finishCount: number
  finishBody?: string
}

/** A command step of a build, with its jobs. */
export interface CommandStepRecord {
  id: string
  step: CommandStep
  jobs: JobRecord[]
  /** What `step update` has set. */
  attributes: Map<string, string>
  /** The `idempotency_uuid`s of the updates that were applied. */
  updates: Set<string>
}

/** A step of a build. */
export type StepRecord = CommandStepRecord | { id: string; step: WaitStep; jobs: [] }

/** A note on a build's page. */
export interface Annotation {
  context: string
  scope: string
  style: string
  body: string
  priority: number
}

/** What happened to a pipeline that a job has uploaded. */
export interface UploadRecord {
  state: 'applied' | 'rejected'
  message: string
}

/** An artifact, with its content once it is in the storage. */
export interface ArtifactRecord {
  id: string
  job: JobRecord
  path: string
  state: 'new' | 'finished' | 'error'
  /** The artifact as the agent described it. */
  described: Record<string, unknown>
  storageKey: string
  content?: Buffer
}

/** A build as the emulator keeps it. */
export interface BuildRecord {
  id: string
  number: number
  createdAt: number
  env: Record<string, string>
  branch: string
  commit: string
  repo: string
  message: string
  canceled: boolean
  steps: StepRecord[]
  metaData: Map<string, string>
  annotations: Map<string, Annotation>
  uploads: Map<string, UploadRecord>
}
