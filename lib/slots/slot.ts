import { steadily, type Clock } from '../clock.js'
import { isProblem } from '../errors.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import {
  connect,
  disconnect,
  heartbeat,
  ping,
  register,
  type Registration,
} from '../upstream/agents.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import { nextTry, type RetryPolicy } from '../upstream/retry.js'
import type { AgentSession } from '../upstream/session.js'
import type { AgentPing } from '../types/agent-ping.js'
import type { SlotState } from './slot-state.js'
import { within } from './within.js'

/** What a slot needs of the world. */
export interface SlotContext {
  connection: Connection
  log: Log
  clock: Clock
  metrics?: Metrics
}

/** What a slot joins with. */
export interface JoinOptions {
  /** Makes the session durable. */
  keep: (session: AgentSession) => Promise<void>
  policy: RetryPolicy
  /** Aborted when no new agent is wanted. One that is registered is connected all the same, so that it can leave. */
  signal: AbortSignal
  /** Aborted when this process leaves its agents to the next one. */
  leaving: AbortSignal
}

/** What a ping brought: upstream's word, when there was a usable one, and how long upstream wants to be left alone. */
export interface PingResult {
  ping?: AgentPing
  waitMs: number
}

// Upstream calls an agent lost after 180 s; whatever interval it announces, we stay well below.
const longestHeartbeatMs = 60_000

// Of a call that hangs: what upstream has assigned with its answer it names again with the next ping.
const pingMs = 30_000
const beatMs = 45_000
const registerMs = 60_000

// One wrong answer, of a proxy say, is not to cost an agent. Another one soon after it is upstream's word.
const refusalsBelieved = 2
// After a beat that did not arrive: it has been tried for a quarter of the three minutes already.
const beatAgainMs = 5_000

/** A registered agent: its session, its heartbeats on their own timer, its pings. Knows nothing of runs. */
export class Slot {
  state: SlotState = 'down'
  session: AgentSession | undefined
  lastPingAt: number | undefined
  woken = false
  /** The job that its last run could not have, while upstream goes on to name it. */
  missedJob: string | undefined
  /** Registered, and not connected as far as we know. */
  private registered: { session: AgentSession; kept: boolean; earlier: boolean } | undefined
  private readonly refusals = { ping: 0, heartbeat: 0 }
  private readonly log: Log
  private beating = new AbortController()

  constructor(
    readonly index: number,
    private readonly context: SlotContext,
  ) {
    this.log = context.log.child({ slot: index })
  }

  /** Whether upstream knows an agent of this slot's, connected or not. */
  get known(): boolean {
    return this.session !== undefined || this.registered !== undefined
  }

  /** To go on with an idle session of an earlier process, which may have crashed before it was connected: `join` does. */
  takeUp(session: AgentSession): void {
    this.registered = { session, kept: true, earlier: true }
  }

  /** Registers and connects. The session is durable before upstream may hand us a job. */
  async join(registration: Registration, options: JoinOptions): Promise<void> {
    const { keep, leaving } = options
    this.registered ??= {
      session: await this.register(registration, options),
      kept: false,
      earlier: false,
    }
    const { registered } = this
    if (!registered.kept) await keep(registered.session)
    registered.kept = true
    try {
      await this.connect(registered, leaving)
    } catch (error) {
      // An agent of an earlier process that upstream no longer knows: another takes its place at once.
      if (registered.earlier && !this.registered) return this.join(registration, options)
      throw error
    }
    this.registered = undefined
    this.resume(registered.session, { busy: false, beatNow: registered.earlier })
    // An earlier process may have been given a job that it had not accepted yet.
    this.woken = registered.earlier
    this.log.info({ agent: registered.session.name }, 'agent connected')
  }

  /** Goes on with a session of an earlier process: heartbeats at once. */
  resume(
    session: AgentSession,
    { busy, beatNow = false }: { busy: boolean; beatNow?: boolean },
  ): void {
    this.session = session
    this.refusals.ping = this.refusals.heartbeat = 0
    this.state = busy ? 'busy' : 'idle'
    this.beating.abort()
    this.beating = new AbortController()
    void this.beat(beatNow, this.beating.signal)
  }

  /**
   * One ping. A session that is refused again takes the slot down; else it stays `pinging` until the caller has read the
   * answer.
   */
  async ping(signal: AbortSignal): Promise<PingResult> {
    const { connection, clock } = this.context
    const session = this.session
    if (!session) return { waitMs: 0 }
    this.state = 'pinging'
    this.woken = false
    this.lastPingAt = steadily(clock)
    const told = this.context.metrics?.pings.began()
    try {
      const answer = await within(pingMs, { clock, signal }, cut => ping(connection, session, cut))
      told?.(answer)
      this.refusals.ping = 0
      // The slot may have left in the meantime.
      if (this.session === session) this.session = answer.session
      return { ping: answer.ping, waitMs: 0 }
    } catch (error) {
      if (!signal.aborted) told?.({ error })
      return { waitMs: this.pingFailed(error) }
    }
  }

  /** Stops the heartbeats and says goodbye; upstream frees the agent's place. */
  async leave(signal?: AbortSignal): Promise<void> {
    const session = this.session
    this.silence()
    if (!session) return
    try {
      await disconnect(this.context.connection, session, signal)
      this.log.info({ agent: session.name }, 'agent disconnected')
    } catch (error) {
      this.log.warn({ err: error }, 'disconnect failed; upstream will call the agent lost')
    }
  }

  /** Stops the heartbeats without a word, for the process that goes on with this session. */
  silence(): void {
    this.beating.abort()
    this.session = undefined
    this.state = 'stopped'
  }

  /** The run is over, or the session is: idle again, or down when upstream has refused the session. */
  free(): 'idle' | 'down' {
    if (this.refused) {
      this.beating.abort()
      this.session = undefined
    }
    return (this.state = this.session ? 'idle' : 'down')
  }

  private get refused(): boolean {
    const { ping: pings, heartbeat: beats } = this.refusals
    return Math.max(pings, beats) >= refusalsBelieved
  }

  // One attempt at a time: a stop does not cut one off, or an agent would be left that nobody knows.
  private async register(
    registration: Registration,
    { policy, signal, leaving }: JoinOptions,
  ): Promise<AgentSession> {
    const { connection, clock } = this.context
    for (let made = 1; ; made++) {
      signal.throwIfAborted()
      try {
        const once = { ...policy, attempts: 1 }
        return await within(registerMs, { clock, signal: leaving }, cut =>
          register(connection, registration, { policy: once, signal: cut }),
        )
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        const ms = nextTry(policy, made, error.fault, clock.random())
        if (ms === undefined) throw error
        await clock.sleep(ms, signal)
      }
    }
  }

  private async connect(
    { session, earlier }: { session: AgentSession; earlier: boolean },
    leaving: AbortSignal,
  ): Promise<void> {
    try {
      await connect(this.context.connection, session, leaving)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      if (isRefusal(error)) this.registered = undefined
      // An agent that was connected before may be told that it can't be connected once more: its ping decides.
      const isConnected = earlier && error.status !== undefined && error.status < 500
      if (isRefusal(error) || !isConnected || error.status === 429) throw error
      this.log.warn({ err: error }, 'connect refused to an agent of an earlier process')
    }
  }

  // How long upstream wants to be left alone.
  private pingFailed(error: unknown): number {
    if (error instanceof UpstreamError) {
      if (isRefusal(error)) this.refusedOnce('ping', error)
      else this.log.warn({ err: error }, 'ping failed')
      if (this.refused && this.state === 'pinging') this.free()
      return waitMs(error)
    }
    if (isProblem(error)) this.log.warn({ err: error }, 'ping answered nonsense')
    else if (!(error instanceof Error && error.name === 'AbortError')) throw error
    return 0
  }

  private refusedOnce(call: 'ping' | 'heartbeat', error: UpstreamError): void {
    const fields = { err: error, agent: this.session?.name }
    this.refusals[call] += 1
    if (this.refusals[call] < refusalsBelieved)
      this.log.warn(fields, 'upstream refuses the session, asking again')
    else if (this.refusals[call] === refusalsBelieved)
      this.log.error(fields, 'upstream refuses the session, registering anew')
    // A busy slot keeps its state: the run goes on with its job token for as long as upstream takes that, and so do the
    // heartbeats, should it have been an error. An idle one pings next, and is found down by who reads the answer.
    if (this.refused) this.woken = true
  }

  private async beat(now: boolean, signal: AbortSignal): Promise<void> {
    const { clock } = this.context
    try {
      for (let rest = !now, soon = false; ; rest = true) {
        const session = this.session
        if (!session) return
        const usualMs = Math.min(session.heartbeatInterval * 1_000, longestHeartbeatMs)
        // Many that began together are not to come together for ever.
        const ms = usualMs * (0.8 + clock.random() / 5)
        if (rest) await clock.sleep(soon ? Math.min(beatAgainMs, ms) : ms, signal)
        soon = !(await this.beatOnce(this.session ?? session, signal))
      }
    } catch (error) {
      if (!signal.aborted) this.log.error({ err: error }, 'heartbeats ended')
    }
  }

  /** Whether the next beat may wait: this one arrived, or upstream does not want any. */
  private async beatOnce(session: AgentSession, signal: AbortSignal): Promise<boolean> {
    const { connection, clock } = this.context
    const sentAt = new Date(clock.now())
    try {
      await within(beatMs, { clock, signal }, cut =>
        heartbeat(connection, session, { sentAt, signal: cut }),
      )
      this.refusals.heartbeat = 0
      return true
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof UpstreamError && isRefusal(error))) {
        this.log.warn({ err: error }, 'heartbeat failed')
        return false
      }
      this.refusedOnce('heartbeat', error)
      return this.refusals.heartbeat >= refusalsBelieved
    }
  }
}

// 401 and 404 are upstream's ways to say that the agent is gone (agent-api §8.3); other refusals may pass.
function isRefusal({ status }: UpstreamError): boolean {
  return status === 401 || status === 404
}

const mostWaitMs = 60_000
const busyWaitMs = 5_000

function waitMs({ status, fault }: UpstreamError): number {
  const asked = fault.kind === 'status' ? fault.retryAfterMs : undefined
  return Math.min(asked ?? (status === 429 ? busyWaitMs : 0), mostWaitMs)
}
