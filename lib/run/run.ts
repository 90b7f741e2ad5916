import { setMaxListeners } from 'node:events'
import type { Clock } from '../clock.js'
import type { FinishOutcome, GatewayRun, PodFinish } from '../gateway/gateway-run.js'
import { advanced, type ChunkNumbers, type LogPosition } from '../gateway/splice.js'
import type { ClosingRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import type { Reason } from '../pod/verdict/reasons.js'
import type { AgentJob } from '../types/agent-job.js'
import type { Connection } from '../upstream/connection.js'
import { jobState, start } from '../upstream/jobs.js'
import { policies, type RetryPolicy } from '../upstream/retry.js'
import type { AgentSession, JobSession } from '../upstream/session.js'
import { annotateCause, deliverChunk, deliverFinish, type DeliveryContext } from './delivery.js'
import { finishOf, reportedStatus, type Cause, type Ending } from './ending.js'
import { Journal, type Opening } from './journal.js'
import { closingLines, logText } from './log-lines.js'
import { wasStopped } from './stop-reason.js'

/** What is durable of an accepted job, beyond what upstream answered. */
export interface RunState {
  opening: Opening
  noJobAt?: number
  cursor?: LogPosition
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
  /** Why the cluster stopped the run's pod, when it did. */
  stopReason?: () => Promise<Reason | undefined>
}

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
  ending: Ending | undefined
  /** Whether the pod agent has been seen to run, by the gateway or in the pod's status. */
  podSeen: boolean
  /** When the pod agent last asked for the job's state; it handles a cancellation itself then. */
  podPolledAt: number | undefined
  /** Whether the Job has been made, now or by an earlier process. */
  jobCreated = false
  private started = false
  private closing = false
  private reported: PodFinish | undefined
  private delivering: Promise<unknown> | undefined
  private state: RunState
  private readonly journal: Journal
  private readonly stop = new AbortController()
  private stopTold = false
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
    this.podSeen = false
    this.ended = new Promise(resolve => (this.resolveEnded = resolve))
    this.journal = this.makeJournal()
  }

  /** Whether nothing of the pod's goes upstream any more: the run has ended, or we are ending it. */
  get over(): boolean {
    return this.ending !== undefined || this.closing
  }

  get acquirable(): boolean {
    return !this.started
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

  /** There is no Job yet: known to the next process, so that it does not take the Job for one that was deleted. */
  async noJobYet(): Promise<void> {
    this.signal.throwIfAborted()
    await this.keep({ noJobAt: this.options.clock.now() })
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
    return this.journal.seal()
  }

  chunkSent(chunk: ChunkNumbers): void {
    this.journal.advance(advanced(this.journal.position ?? { sequence: 0, offset: 0 }, chunk))
  }

  stateSeen(state: string): void {
    this.podPolledAt = this.options.clock.now()
    this.log.debug({ state }, 'pod polled the job')
  }

  async finishFromPod(reported: PodFinish): Promise<FinishOutcome> {
    this.reported = reported
    if (this.over) return { state: 'over' }
    // One finish at a time; the pod's agent asks again.
    if (this.delivering) return { state: 'passing' }
    return this.exclusively(() => this.deliverPodFinish(reported, policies.state))
  }

  /**
   * Ends a run that its pod does not end: lines that say why, then `finish`. What the pod has reported itself goes
   * before what we conclude. Does nothing when the run has ended.
   */
  async end(cause: Cause): Promise<void> {
    while (this.delivering) await this.delivering.catch(() => undefined)
    if (this.over || this.signal.aborted) return
    const { reported } = this
    if (!reported) return this.exclusively(() => this.close(cause))
    // As long as upstream does not take it: nobody else knows the exit status.
    while (!this.over)
      await this.exclusively(() => this.deliverPodFinish(reported, policies.finish))
  }

  /** Upstream has ended the job without us. */
  endedUpstream(why: string): void {
    this.conclude({ by: 'upstream', exitStatus: undefined, cause: why })
  }

  /** Leaves the run to the next process, with the log's position for it. */
  async handOver(): Promise<void> {
    this.stop.abort()
    const noJobAt = this.jobCreated ? this.state.noJobAt : this.options.clock.now()
    await this.keep({ noJobAt, cursor: this.journal.position })
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
    })
  }

  private async keep(change: Partial<RunState>): Promise<void> {
    this.state = { ...this.state, ...change }
    await this.options.keep(this.state)
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
    const { connection } = this.options
    return { connection, job: this.upstream(), signal: this.signal, log: this.log }
  }

  private async exclusively<T>(deliver: () => Promise<T>): Promise<T> {
    const delivering = deliver()
    this.delivering = delivering
    try {
      return await delivering
    } finally {
      this.delivering = undefined
    }
  }

  private async deliverPodFinish(reported: PodFinish, policy: RetryPolicy): Promise<FinishOutcome> {
    if (wasStopped(reported)) await this.sayWhyStopped()
    await this.journal.settled()
    const outcome = await deliverFinish(reported, policy, this.delivery())
    if (outcome.state === 'done') {
      this.conclude({ by: 'pod', exitStatus: reportedStatus(reported) })
    } else if (outcome.state === 'refused') {
      this.conclude({
        by: 'upstream',
        exitStatus: undefined,
        cause: `finish refused: ${outcome.status}`,
      })
    }
    return outcome
  }

  // The pod agent finishes by itself then, and can't know why. Its last chunk is in the log already.
  private async sayWhyStopped(): Promise<void> {
    if (this.stopTold) return
    this.stopTold = true
    const found = await this.options.stopReason?.()
    if (found === undefined) return
    this.log.warn({ cause: found.cause }, 'pod stopped by the cluster')
    await this.journal.seal()
    const place = this.journal.position
    if (place === undefined) return annotateCause(found, this.delivery())
    const text = logText(closingLines(found.cause, found.message), this.options.clock.now())
    this.journal.send({ text, sequence: place.sequence + 1, offset: place.offset })
  }

  private async close(cause: Cause): Promise<void> {
    this.closing = true
    const closing = this.state.closing ?? (await this.writeClosing(cause))
    if (closing.chunk) {
      const { text, ...place } = closing.chunk
      this.journal.send({ ...place, text: Buffer.from(text) })
    } else {
      await annotateCause(closing.cause, this.delivery())
    }
    await this.journal.settled()
    const body = finishOf(closing.cause, new Date(closing.finishedAt))
    let outcome: FinishOutcome
    do outcome = await deliverFinish(body, policies.finish, this.delivery())
    while (outcome.state === 'passing')
    const { cause: word, exitStatus } = closing.cause
    if (outcome.state === 'done') this.conclude({ by: 'spawner', exitStatus, cause: word })
    else this.endedUpstream('finish refused')
  }

  private async writeClosing(cause: Cause): Promise<ClosingRecord> {
    const now = this.options.clock.now()
    // Lines that are still being said would take the same place.
    await this.journal.seal()
    const place =
      this.journal.position ?? (this.podNeverRan(cause) ? this.journal.openingEnd : undefined)
    const text = logText(closingLines(cause.cause, cause.message), now).toString()
    // Chunks that an earlier process forwarded may lie beyond what we know: writing there would destroy them.
    const chunk = place && { text, sequence: place.sequence + 1, offset: place.offset }
    const closing = { chunk, cause, finishedAt: now }
    // A record too large for the ledger is why some runs are closed at all: the job's end matters more.
    await this.keep({ closing }).catch((error: unknown) =>
      this.log.warn({ err: error }, 'the end of the run is not in the ledger'),
    )
    return closing
  }

  private podNeverRan({ signalReason }: Cause): boolean {
    return (
      !this.podSeen && (signalReason === 'process_run_error' || signalReason === 'agent_refused')
    )
  }

  private conclude(ending: Ending): void {
    if (this.ending) return
    this.ending = ending
    this.log.info({ ...ending }, 'run ended')
    this.stop.abort()
    this.resolveEnded(ending)
  }
}
