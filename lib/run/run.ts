import { setMaxListeners } from 'node:events'
import type { FinishOutcome, GatewayRun, PodFinish, ProvenPod } from '../gateway/gateway-run.js'
import type { ChunkNumbers, LogPosition } from '../gateway/splice.js'
import type { Log } from '../log.js'
import type { AgentJob } from '../types/agent-job.js'
import { jobState, start } from '../upstream/jobs.js'
import type { JobSession } from '../upstream/session.js'
import { deliverChunk, type DeliveryContext } from './delivery.js'
import type { Cause, Ending } from './ending.js'
import { Journal } from './journal.js'
import { logText } from './log-lines.js'
import { PodBinding } from './pod-binding.js'
import { RunEnd } from './run-end.js'
import type { RunOptions, RunState } from './run-options.js'

// Who hands over is awaited: what is under way for longer is not known to the next process.
const handOverPatienceMs = 2_000

/** One accepted job, until it has ended at Buildkite. */
export class Run implements GatewayRun {
  readonly jobId: string
  readonly jobName: string
  readonly secret: string
  readonly payload: AgentJob
  readonly log: Log
  /** Resolves once, when the job has ended. */
  readonly ended: Promise<Ending>
  /** Aborted when the run has ended, or is left to the next process. */
  readonly signal: AbortSignal
  /** Whether the pod agent has been seen to run, by the gateway or in the pod's status. */
  podSeen = false
  /** When the pod agent last asked for the job's state; it handles a cancellation itself then. */
  podPolledAt: number | undefined
  /** Whether the Job has been made, now or by an earlier process. */
  jobCreated = false
  /** Whether the API server may have made the Job without our knowing: no answer came. */
  jobMayExist = false
  /** Whether upstream has given the job out anew, and another run has it: what is named after the job is that one's. */
  replaced = false
  private started = false
  private state: RunState
  private readonly journal: Journal
  private readonly binding: PodBinding
  private readonly how: RunEnd
  private readonly stop = new AbortController()
  private cursorDropped: Promise<void> | undefined
  private resolveEnded!: (ending: Ending) => void

  constructor(private readonly options: RunOptions) {
    this.jobId = options.payload.id
    this.jobName = options.jobName
    this.secret = options.secret
    this.payload = options.payload
    this.state = options.state
    this.log = options.log.child({ job: this.jobId })
    this.signal = this.stop.signal
    setMaxListeners(0, this.signal)
    this.ended = new Promise(resolve => (this.resolveEnded = resolve))
    this.journal = this.makeJournal()
    this.binding = this.makeBinding()
    this.how = this.makeEnd()
  }

  get ending(): Ending | undefined {
    return this.how.ending
  }

  /** Whether nothing of the pod's goes upstream any more: the run has ended, or we are ending it. */
  get over(): boolean {
    return this.how.over
  }

  /** Whether the pod has been let go, its finish being ours to deliver: its Job is left alone. */
  get letGo(): boolean {
    return this.how.letGo
  }

  get acquirable(): boolean {
    return !this.started
  }

  /** The UID of its Job, as far as it is known. */
  get jobUid(): string | undefined {
    return this.state.jobUid
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

  /** Adds lines to the log while the pod agent has not begun to write. */
  async say(lines: readonly string[]): Promise<void> {
    if (!this.over) await this.journal.say(logText(lines, this.options.clock.now()))
  }

  /** There is no Job yet: the next process is to know with the next write, so that it makes the Job then. */
  noJobYet(): void {
    if (!this.jobMayExist) this.note({ noJobAt: this.options.clock.now() })
  }

  /** The Job has been made, or found made. */
  jobMade(uid: string | undefined): void {
    this.jobCreated = true
    if (uid !== undefined && uid !== this.state.jobUid) this.note({ jobUid: uid })
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

  podConnected({ hostname }: { hostname: string }): void {
    this.podSeen = true
    this.log.info({ pod: hostname }, 'pod agent connected')
  }

  podStarted(): void {
    this.started = true
  }

  async opening(): Promise<LogPosition> {
    // What goes upstream now the next process would not know of: the pod asks that one.
    if (!this.over) this.signal.throwIfAborted()
    // A pod that writes its log has started its job, also when an earlier process answered its `start`.
    this.started = true
    await (this.cursorDropped ??= this.dropCursor())
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

  stateSeen(state: string): void {
    this.podPolledAt = this.options.clock.now()
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
    const noJobAt = hasJob ? this.state.noJobAt : clock.now()
    await this.keep({ noJobAt, cursor: this.journal.position }).catch((error: unknown) =>
      this.log.warn({ err: error }, 'the run is left as the ledger has it'),
    )
  }

  private makeJournal(): Journal {
    const { state, restored } = this.options
    const { opening } = state
    return new Journal({
      opening,
      cursor: restored ? state.cursor : { sequence: opening.sequence, offset: opening.bytes },
      sealed: restored,
      upload: chunk => deliverChunk(chunk, this.delivery()),
      keep: async next => {
        // A slot that has gone on to another run, or a position that was handed over, is not written over.
        this.signal.throwIfAborted()
        await this.keep({ opening: next })
      },
      note: next => this.note({ opening: next }),
    })
  }

  private makeBinding(): PodBinding {
    const { state, restored, isFirstPod } = this.options
    return new PodBinding({
      uid: state.podUid,
      restored,
      isFirst: async uid => isFirstPod?.(uid) ?? true,
      onBound: podUid => this.note({ podUid }),
    })
  }

  private makeEnd(): RunEnd {
    const { clock, stopReason } = this.options
    return new RunEnd({
      state: () => this.state,
      keep: change => this.keep(change),
      note: change => this.note(change),
      journal: this.journal,
      delivery: () => this.delivery(),
      signal: this.signal,
      stopReason,
      podNeverRan: cause => this.podNeverRan(cause),
      onEnded: ending => {
        this.stop.abort()
        this.resolveEnded(ending)
      },
      clock,
      log: this.log,
    })
  }

  private async keep(change: Partial<RunState>): Promise<void> {
    this.state = { ...this.state, ...change }
    await this.options.keep(this.state)
  }

  private note(change: Partial<RunState>): void {
    this.state = { ...this.state, ...change }
    // The slot's record may be another run's by then.
    if (!this.signal.aborted) this.options.note?.(this.state)
  }

  // Where an earlier process left the log is not where it stands once the pod writes on: should we crash, nobody may
  // take it for that.
  private async dropCursor(): Promise<void> {
    if (!this.state.cursor) return
    await this.keep({ cursor: undefined }).catch((error: unknown) =>
      this.log.warn({ err: error }, 'an old position of the log stays in the ledger'),
    )
  }

  private delivery(): DeliveryContext {
    const { connection, clock } = this.options
    return { connection, job: () => this.upstream(), signal: this.signal, clock, log: this.log }
  }

  private podNeverRan({ signalReason }: Cause): boolean {
    if (this.podSeen || this.binding.known !== undefined) return false
    return signalReason === 'process_run_error' || signalReason === 'agent_refused'
  }
}
