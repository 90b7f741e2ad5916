import { setMaxListeners } from 'node:events'
import type { FinishOutcome, GatewayRun, PodFinish, ProvenPod } from '../gateway/gateway-run.js'
import type { ChunkNumbers, LogPosition } from '../gateway/splice.js'
import type { Log } from '../log.js'
import type { AgentJob } from '../types/agent-job.js'
import { jobState, start } from '../upstream/jobs.js'
import type { JobSession } from '../upstream/session.js'
import { deliverChunk, type DeliveryContext } from './delivery.js'
import { isBeforePod, stopWord, type Cause, type Ending } from './ending.js'
import type { Journal } from './journal.js'
import { logText } from './log-lines.js'
import type { PodBinding } from './pod-binding.js'
import { PodPresence } from './pod-presence.js'
import { RunEnd } from './run-end.js'
import { RunMemory } from './run-memory.js'
import type { RunOptions, RunTimes } from './run-options.js'
import { bindingOf, journalOf } from './run-parts.js'

// Who hands over is awaited: what is under way for longer is not known to the next process.
const handOverPatienceMs = 2_000

/** One accepted job, until it has ended at Buildkite. */
export class Run implements GatewayRun {
  readonly jobId: string
  readonly jobName: string
  readonly secret: string
  readonly payload: AgentJob
  readonly log: Log
  /** When the phases of the run were reached, as far as this process has seen it. */
  readonly times: RunTimes
  /** Patterns of the names of variables whose values are not for logs, beside the agent's own. */
  readonly redactedVars: readonly string[]
  /** Resolves once, when the job has ended. */
  readonly ended: Promise<Ending>
  /** Aborted when the run has ended, or is left to the next process. */
  readonly signal: AbortSignal
  /** What the gateway has seen of the pod agent. */
  readonly presence: PodPresence
  /** Whether the pod agent has been seen to run, by the gateway or in the pod's status. */
  podSeen = false
  /** Whether the Job has been made, now or by an earlier process. */
  jobCreated = false
  /** Whether the API server may have made the Job without our knowing: no answer came. */
  jobMayExist = false
  /** Whether upstream has given the job out anew, and another run has it: what is named after the job is that one's. */
  replaced = false
  private started = false
  private readonly memory: RunMemory
  private readonly journal: Journal
  private readonly binding: PodBinding
  private readonly how: RunEnd
  private readonly stop = new AbortController()
  private resolveEnded!: (ending: Ending) => void

  constructor(private readonly options: RunOptions) {
    this.jobId = options.payload.id
    this.jobName = options.jobName
    this.secret = options.secret
    this.payload = options.payload
    this.redactedVars = options.redactedVars ?? []
    this.times = { acceptedAt: options.acceptedAt ?? options.clock.now() }
    this.log = options.log.child({ job: this.jobId })
    this.signal = this.stop.signal
    setMaxListeners(0, this.signal)
    this.memory = new RunMemory({ ...options, signal: this.signal, log: this.log })
    this.presence = new PodPresence(options)
    this.ended = new Promise(resolve => (this.resolveEnded = resolve))
    this.journal = journalOf(options, this.memory, chunk => deliverChunk(chunk, this.delivery()))
    this.binding = bindingOf(options, this.memory)
    this.how = this.makeEnd()
  }

  get ending(): Ending | undefined {
    return this.how.ending
  }

  /** Whether nothing of the pod's goes upstream any more: the run has ended, or we are ending it. */
  get over(): boolean {
    return this.how.over
  }

  /** Whether the pod has reported the end, and upstream has not taken it yet. */
  get reporting(): boolean {
    return this.how.reporting
  }

  /** Whether the pod has been let go, its finish being ours to deliver: its Job is left alone. */
  get letGo(): boolean {
    return this.how.letGo
  }

  /** Whether an earlier process began it. */
  get restored(): boolean {
    return this.options.restored
  }

  get acceptedAt(): number {
    return this.times.acceptedAt
  }

  get env(): Record<string, string> {
    return this.payload.env
  }

  /** The address of its build at Buildkite; empty when the job does not say. */
  get buildUrl(): string {
    return this.env['BUILDKITE_BUILD_URL'] ?? ''
  }

  /** What people call the job. */
  get label(): string {
    return this.env['BUILDKITE_LABEL'] || this.env['BUILDKITE_STEP_KEY'] || this.jobId
  }

  get podCalledAt(): number | undefined {
    return this.presence.calledAt
  }

  get podPolledAt(): number | 'never' | undefined {
    return this.presence.lastPoll
  }

  get podWriting(): boolean {
    return this.presence.writing
  }

  get acquirable(): boolean {
    return !this.started
  }

  /** The UID of its Job, as far as it is known. */
  get jobUid(): string | undefined {
    return this.memory.state.jobUid
  }

  upstream(): JobSession {
    const { endpoint, requestHeaders, accessToken } = this.options.session()
    // Without a job token the session token serves (agent: agent/job_runner.go).
    return { jobId: this.jobId, token: this.payload.token || accessToken, endpoint, requestHeaders }
  }

  /** `start` upstream, and our first lines. @throws UpstreamError when upstream does not want the job started. */
  async begin(): Promise<void> {
    const { connection, clock } = this.options
    await start(connection, this.upstream(), {
      startedAt: new Date(clock.now()),
      signal: this.signal,
    })
    this.journal.begin()
  }

  /** Goes on with a run that an earlier process started; its last lines are sent again, which is harmless. */
  resume(): void {
    this.journal.begin()
  }

  /** An earlier process has made no Job for this run: no pod has written to its log. */
  reopen(): void {
    this.journal.reopen()
  }

  /** The job's state upstream, once. @throws UpstreamError. */
  async stateUpstream(): Promise<string> {
    return jobState(this.options.connection, this.upstream(), this.signal)
  }

  /** Adds lines to the log while the pod agent has not begun to write. Lines that don't get there are nobody's fault. */
  async say(lines: readonly string[]): Promise<void> {
    if (this.over || lines.length === 0) return
    await this.journal.say(logText(lines, this.options.clock.now())).catch((error: unknown) => {
      if (!this.signal.aborted) this.log.warn({ err: error }, 'lines of ours are not in the log')
    })
  }

  /** There is no Job yet: the next process is to know with the next write, so that it makes the Job then. */
  noJobYet(): void {
    if (!this.jobMayExist) this.memory.note({ noJobAt: this.options.clock.now() })
  }

  /** The Job has been made, just now when `atMs` says so, or found made. */
  jobMade(uid: string | undefined, atMs?: number): void {
    this.jobCreated = true
    if (atMs !== undefined) this.reached({ jobCreatedAt: atMs })
    if (uid !== undefined && uid !== this.memory.state.jobUid) this.memory.note({ jobUid: uid })
  }

  async bindPod({ uid }: ProvenPod): Promise<'bound' | 'taken' | 'over'> {
    if (this.over) return 'over'
    // The next process would not know of a pod that is bound now: the pod asks that one.
    this.signal.throwIfAborted()
    const bound = await this.binding.bind(uid)
    return this.over ? 'over' : bound
  }

  isPod(uid: string): boolean {
    return this.binding.proven(uid)
  }

  podCalled(): () => void {
    return this.presence.calls()
  }

  podWrites(what: string): (comesAgain: boolean) => void {
    return this.presence.writes(what)
  }

  podConnected({ hostname }: { hostname: string }): void {
    this.podSeen = true
    this.presence.heard()
    this.reached({ connectedAt: this.options.clock.now() })
    this.log.info({ pod: hostname }, 'pod agent connected')
  }

  podStarted(): void {
    this.started = true
    this.reached({ startedAt: this.options.clock.now() })
  }

  async opening(): Promise<LogPosition> {
    // What goes upstream now the next process would not know of: the pod asks that one.
    if (!this.over) this.signal.throwIfAborted()
    // A pod that writes its log has started its job, also when an earlier process answered its `start`.
    this.started = true
    await this.memory.dropCursor()
    const place = await this.journal.seal()
    if (!this.over) this.signal.throwIfAborted()
    return place
  }

  chunkBegan(chunk: ChunkNumbers): void {
    this.journal.chunkBegan(chunk)
  }

  chunkEnded(chunk: ChunkNumbers, outcome: 'taken' | 'refused' | 'unknown'): void {
    this.journal.chunkEnded(chunk, outcome)
  }

  stateSeen(state: string, askedAt = this.options.clock.now()): void {
    this.presence.polled(state, askedAt)
    this.log.debug({ state }, 'pod polled the job')
  }

  async finishFromPod(reported: PodFinish): Promise<FinishOutcome> {
    return this.how.fromPod(reported)
  }

  /** Goes on delivering what a pod has reported to an earlier process; false when it has reported nothing. */
  resumeFinish(): boolean {
    return this.how.resumeReported()
  }

  /**
   * Ends a run that its pod does not end: lines that say why, then `finish`. What the pod has reported itself goes
   * before what we conclude. Does nothing when the run has ended.
   */
  async end(cause: Cause): Promise<void> {
    await this.how.close(cause)
  }

  /** Upstream has ended the job without us. */
  endedUpstream(why: string): void {
    this.how.endedUpstream(why)
  }

  /** Leaves the run to the next process as the ledger has it. Nothing new of it goes upstream after that. */
  abandon(): void {
    this.stop.abort()
  }

  /** Leaves the run to the next process, with the log's position for it. */
  async handOver(): Promise<void> {
    if (this.ending) return
    this.abandon()
    const { clock } = this.options
    await this.journal.quiet(handOverPatienceMs, clock)
    const hasJob = this.jobCreated || this.jobMayExist
    const noJobAt = hasJob ? this.memory.state.noJobAt : clock.now()
    await this.memory
      .keep({ noJobAt, cursor: this.journal.position })
      .catch((error: unknown) =>
        this.log.warn({ err: error }, 'the run is left as the ledger has it'),
      )
  }

  private makeEnd(): RunEnd {
    const { options, memory, journal, signal, log } = this
    const { clock, explain, restored } = options
    return new RunEnd({
      ...{ memory, journal, signal, explain, clock, log, restored },
      delivery: () => this.delivery(),
      stopWord: () => stopWord(this.presence.stopState),
      podNeverRan: cause => !this.podSeen && this.binding.known === undefined && isBeforePod(cause),
      onEnded: ending => {
        this.times.endedAt = clock.now()
        this.stop.abort()
        this.resolveEnded(ending)
      },
    })
  }

  // What an earlier process has seen of it, nobody knows any more: the first time that we see may not be the first.
  private reached(phase: Partial<RunTimes>): void {
    if (!this.options.restored) Object.assign(this.times, { ...phase, ...this.times })
  }

  private delivery(): DeliveryContext {
    const { connection, clock } = this.options
    return { connection, job: () => this.upstream(), signal: this.signal, clock, log: this.log }
  }
}
