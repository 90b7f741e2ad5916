import { randomBytes, randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { systemClock, type Clock } from '../../clock.js'
import type { Log } from '../../log.js'
import { currentJobs, gateOf, hasPassed, jobsOf, shouldRetry } from './builds.js'
import { expiry, isOver, nextState, type JobEvent, type Timeouts } from './lifecycle.js'
import { LogAssembly } from './log-assembly.js'
import type {
  AgentRecord,
  ArtifactRecord,
  BuildRecord,
  CommandStepRecord,
  JobNote,
  JobRecord,
} from './records.js'

/** The settings of an emulator, with their defaults filled in. */
export interface Settings {
  token: string
  publicUrl: string
  organization: string
  pipeline: string
  /** The queue of agents and steps that name none. */
  defaultQueue: string
  intervals: { ping: number; jobStatus: number; heartbeat: number }
  timeouts: Timeouts
  agentLimit: number
  chunksMaxSizeBytes: number
  chunksIntervalSeconds: number
  requestHeaders: Record<string, string>
  secrets: Record<string, string>
}

/** Who a token stands for. */
export type Holder =
  | { kind: 'registration' }
  | { kind: 'session'; agent: AgentRecord }
  | { kind: 'job'; agent: AgentRecord; job: JobRecord }

interface WorldEvents {
  change: []
  log: [jobId: string, text: string]
  violation: [text: string]
}

/** All that the emulator knows, and the moves that keep it consistent. Emits `change`, `log` and `violation`. */
export class World extends EventEmitter<WorldEvents> {
  readonly settings: Settings
  readonly clock: Clock
  readonly agents = new Map<string, AgentRecord>()
  readonly builds = new Map<string, BuildRecord>()
  readonly jobs = new Map<string, JobRecord>()
  readonly artifacts = new Map<string, ArtifactRecord>()
  /** Answers to artifact batches by the batch's id, because a batch may be sent twice. */
  readonly artifactBatches = new Map<string, Record<string, unknown>>()
  readonly holders = new Map<string, Holder>()
  readonly violations: string[] = []
  readonly #log: Log | undefined

  constructor(settings: Settings, clock: Clock = systemClock, log?: Log) {
    super()
    this.setMaxListeners(0)
    this.settings = settings
    this.clock = clock
    this.#log = log
    this.holders.set(settings.token, { kind: 'registration' })
  }

  /** Notes that a client broke the protocol. Never with a token in the text. */
  violation(text: string): void {
    this.violations.push(text)
    this.#log?.warn({ violation: text }, 'protocol violation')
    this.emit('violation', text)
  }

  /** Makes a token for an agent or a job, and remembers whom it stands for. */
  issueToken(holder: Exclude<Holder, { kind: 'registration' }>): string {
    const token = `${holder.kind === 'session' ? 'bkaa' : 'bkaj'}_${randomBytes(24).toString('hex')}`
    this.holders.set(token, holder)
    return token
  }

  /** Notes something in a job's history. */
  note(job: JobRecord, event: JobNote): void {
    job.events.push({ event, at: this.clock.now() })
    this.#log?.debug({ job: job.id, event, state: job.state }, 'job event')
  }

  /** Moves a job, if its state allows the event, and does what follows from it. Says whether it moved. */
  move(job: JobRecord, event: JobEvent): boolean {
    const state = nextState(job.state, event)
    if (state === undefined) return false
    job.state = state
    job.since = this.clock.now()
    this.note(job, event)
    if (state === 'scheduled') job.runnableAt ??= job.since
    if (state === 'scheduled' || isOver(state)) release(job)
    if (isOver(state)) this.#settle(job)
    this.emit('change')
    return true
  }

  /** Gives a scheduled job to an agent. */
  assign(job: JobRecord, agent: AgentRecord): void {
    job.agent = agent
    agent.job = job
    this.move(job, 'assigned')
  }

  /** Ends what has run out: timers of jobs, and agents that have been silent too long. */
  expire(): void {
    const now = this.clock.now()
    for (const job of this.jobs.values()) {
      const end = expiry(job, this.settings.timeouts)
      if (end && now >= end.at) this.move(job, end.event)
    }
    for (const agent of this.agents.values()) {
      const last = agent.lastHeartbeat ?? agent.connectedAt
      if (agent.state !== 'connected' || last === undefined) continue
      if (now - last < this.settings.timeouts.lostMs) continue
      this.violation(`agent lost: ${agent.name} has sent no heartbeat for ${now - last} ms`)
      this.leave(agent, 'agentLost')
    }
  }

  /** Takes an agent out, and with it the job that it has. */
  leave(agent: AgentRecord, event: 'agentLost' | 'agentDisconnected'): void {
    agent.state = event === 'agentLost' ? 'lost' : 'disconnected'
    const { job } = agent
    if (job) {
      if (job.state === 'running') job.exitStatus = -1
      this.move(job, event)
    }
    this.emit('change')
  }

  /** Cancels a job. Says whether there was something to cancel. */
  cancel(job: JobRecord): boolean {
    return this.move(job, 'cancelation')
  }

  /** Cancels a build with all its jobs. */
  cancelBuild(build: BuildRecord): void {
    build.canceled = true
    for (const job of jobsOf(build)) this.cancel(job)
  }

  /** Adds a job to a step. */
  addJob(record: CommandStepRecord, build: BuildRecord, part: Partial<JobRecord> = {}): JobRecord {
    const now = this.clock.now()
    const minutes = record.step.timeoutInMinutes
    const job: JobRecord = {
      id: randomUUID(),
      build,
      step: record,
      state: 'pending',
      since: now,
      createdAt: now,
      env: { ...build.env, ...record.step.env },
      retryCount: 0,
      formerAgents: [],
      timeoutMs: minutes === undefined ? undefined : minutes * 60_000,
      events: [],
      log: new LogAssembly(),
      finishCount: 0,
      ...part,
    }
    record.jobs.push(job)
    this.jobs.set(job.id, job)
    this.note(job, 'created')
    return job
  }

  /** Schedules the jobs of a build whose gates have opened, and breaks those that can never run. */
  advance(build: BuildRecord): void {
    for (const record of build.steps) {
      for (const job of currentJobs(record)) {
        if (job.state !== 'pending') continue
        const gate = gateOf(build, record)
        if (gate === 'open') this.move(job, 'scheduled')
        if (gate === 'broken') this.move(job, 'broken')
      }
    }
  }

  #settle(job: JobRecord): void {
    if (shouldRetry(job) && !hasPassed(job)) {
      const { parallelJob, retryCount, env } = job
      const again = this.addJob(job.step, job.build, {
        parallelJob,
        retryCount: retryCount + 1,
        env,
      })
      job.retriedIn = again.id
      this.note(job, 'retried')
    }
    this.advance(job.build)
  }
}

function release(job: JobRecord): void {
  const { agent } = job
  if (!agent) return
  if (agent.job === job) agent.job = undefined
  if (isOver(job.state)) return
  job.formerAgents.push(agent)
  job.agent = undefined
  job.token = undefined
}
