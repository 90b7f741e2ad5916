import { createHash } from 'node:crypto'
import { buildState, hasPassed, jobsOf, type BuildState } from './builds.js'
import { jobLabel } from '../../pipeline/job-env.js'
import { buildUrl, jobEnv } from './job-payload.js'
import type { JobState } from './lifecycle.js'
import type {
  AgentRecord,
  ArtifactRecord,
  BuildRecord,
  JobNote,
  JobRecord,
  TimedEvent,
} from './records.js'
import type { World } from './world.js'

/** A job as it is now. What costs time (environment, chunks, log) is put together when it is read. */
export interface JobView {
  id: string
  buildId: string
  stepId: string
  stepKey: string | undefined
  /** The label, else the first line of the command. */
  label: string
  command: string
  state: JobState
  passed: boolean
  exitStatus: number | undefined
  signal: string | undefined
  signalReason: string | undefined
  chunksFailedCount: number | undefined
  promisedExitStatus: number | undefined
  retryCount: number
  retriedIn: string | undefined
  agentId: string | undefined
  agentName: string | undefined
  readonly env: Record<string, string>
  /** Everything that happened, in order. */
  events: readonly TimedEvent[]
  /** When each thing happened last, in milliseconds since 1970. */
  readonly times: Partial<Record<JobNote, number>>
  /** How many finish calls came, refused ones and retries included. */
  finishCount: number
  readonly chunks: readonly { sequence: number; offset: number; size: number; at: number }[]
  /** The log by offset, without timestamp markers. */
  readonly log: string
  /** The log by offset, to the byte. */
  readonly rawLog: Buffer
}

/** The view of a job. */
export function jobView(world: World, job: JobRecord): JobView {
  const { step } = job.step
  return {
    id: job.id,
    buildId: job.build.id,
    stepId: job.step.id,
    stepKey: step.key,
    label: jobLabel(step, job) ?? step.command.split('\n')[0] ?? '',
    command: step.command,
    state: job.state,
    passed: hasPassed(job),
    exitStatus: job.exitStatus,
    signal: job.signal,
    signalReason: job.signalReason,
    chunksFailedCount: job.chunksFailedCount,
    promisedExitStatus: job.promisedExitStatus,
    retryCount: job.retryCount,
    retriedIn: job.retriedIn,
    agentId: job.agent?.id,
    agentName: job.agent?.name,
    get env() {
      return jobEnv(job, job.agent, world.settings)
    },
    events: [...job.events],
    get times() {
      return Object.fromEntries(job.events.map(({ event, at }) => [event, at]))
    },
    finishCount: job.finishCount,
    get chunks() {
      const chunks = [...job.log.chunks.values()]
      return chunks.map(({ sequence, offset, data, at }) => ({
        sequence,
        offset,
        size: data.length,
        at,
      }))
    },
    get log() {
      return job.log.text()
    },
    get rawLog() {
      return job.log.raw()
    },
  }
}

/** A build as it is now, with its jobs in the order of its steps. */
export interface BuildView {
  id: string
  number: number
  url: string
  state: BuildState
  jobs: JobView[]
}

/** The view of a build. */
export function buildView(world: World, build: BuildRecord): BuildView {
  return {
    id: build.id,
    number: build.number,
    url: buildUrl(world.settings, build.number),
    state: buildState(build),
    jobs: jobsOf(build).map(job => jobView(world, job)),
  }
}

/** An agent as it is now. */
export interface AgentView {
  id: string
  name: string
  tags: string[]
  state: AgentRecord['state']
  version: string
  ignoreInDispatches: boolean
  registeredAt: number
  connectedAt: number | undefined
  lastHeartbeat: number | undefined
  jobId: string | undefined
}

/** The view of an agent. */
export function agentView(agent: AgentRecord): AgentView {
  const { id, name, tags, state, version, ignoreInDispatches, registeredAt } = agent
  const { connectedAt, lastHeartbeat, job } = agent
  return {
    id,
    name,
    tags: [...tags],
    state,
    version,
    ignoreInDispatches,
    registeredAt,
    connectedAt,
    lastHeartbeat,
    jobId: job?.id,
  }
}

/** An artifact as it is now; no content before it is uploaded. */
export interface ArtifactView {
  id: string
  jobId: string
  path: string
  state: ArtifactRecord['state']
  content: Buffer | undefined
  sha256: string | undefined
}

/** The view of an artifact. */
export function artifactView({ id, job, path, state, content }: ArtifactRecord): ArtifactView {
  const sha256 = content && createHash('sha256').update(content).digest('hex')
  return { id, jobId: job.id, path, state, content, sha256 }
}
