import type { Clock } from '../clock.js'
import { isProblem } from '../errors.js'
import type { Log } from '../log.js'
import {
  connect,
  disconnect,
  heartbeat,
  ping,
  register,
  type Registration,
} from '../upstream/agents.js'
import { UpstreamError, type Connection } from '../upstream/connection.js'
import type { RetryPolicy } from '../upstream/retry.js'
import type { AgentSession } from '../upstream/session.js'
import type { AgentPing } from '../types/agent-ping.js'

/**
 * One agent of ours.
 *
 *   down ──register, connect──► idle ──ping──► pinging ──job──► busy ──run over──► idle
 *     ▲                          │                │
 *     └──── session refused ─────┴────────────────┘      stopped: upstream said disconnect, or we leave
 */
export type SlotState = 'down' | 'idle' | 'pinging' | 'busy' | 'stopped'

/** What a slot needs of the world. */
export interface SlotContext {
  connection: Connection
  log: Log
  clock: Clock
}

// Upstream calls an agent lost after 180 s; whatever interval it announces, we stay well below.
const longestHeartbeatMs = 60_000

/** A registered agent: its session, its heartbeats on their own timer, its pings. Knows nothing of runs. */
export class Slot {
  state: SlotState = 'down'
  session: AgentSession | undefined
  lastPingAt: number | undefined
  woken = false
  /** The job that its last run could not have, while upstream goes on to name it. */
  missedJob: string | undefined
  private refused = false
  private readonly log: Log
  private beating = new AbortController()

  constructor(
    readonly index: number,
    private readonly context: SlotContext,
  ) {
    this.log = context.log.child({ slot: index })
  }

  /** Registers and connects. `keep` makes the session durable before upstream may hand us a job. */
  async join(
    registration: Registration,
    {
      keep,
      policy,
      signal,
    }: {
      keep: (session: AgentSession) => Promise<void>
      policy?: RetryPolicy
      signal: AbortSignal
    },
  ): Promise<void> {
    const { connection } = this.context
    const session = await register(connection, registration, { policy, signal })
    await keep(session)
    await connect(connection, session, signal)
    this.resume(session, { busy: false })
    this.log.info({ agent: session.name }, 'agent connected')
  }

  /** Goes on with a session of an earlier process: heartbeats at once. */
  resume(
    session: AgentSession,
    { busy, beatNow = false }: { busy: boolean; beatNow?: boolean },
  ): void {
    this.session = session
    this.refused = false
    this.state = busy ? 'busy' : 'idle'
    this.beating.abort()
    this.beating = new AbortController()
    void this.beat(beatNow, this.beating.signal)
  }

  /**
   * One ping: what upstream said, or undefined when nothing usable came. A refused session takes the slot down; else it
   * stays `pinging` until the caller has read the answer.
   */
  async ping(signal: AbortSignal): Promise<AgentPing | undefined> {
    const session = this.session
    if (!session) return undefined
    this.state = 'pinging'
    this.woken = false
    this.lastPingAt = this.context.clock.now()
    try {
      const answer = await ping(this.context.connection, session, signal)
      // The slot may have left in the meantime.
      if (this.session === session) this.session = answer.session
      return answer.ping
    } catch (error) {
      this.pingFailed(error)
      return undefined
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
    if (this.refused) this.session = undefined
    return (this.state = this.session ? 'idle' : 'down')
  }

  private pingFailed(error: unknown): void {
    if (error instanceof UpstreamError) {
      if (sessionRefused(error)) this.lost(error)
      else this.log.warn({ err: error }, 'ping failed')
    } else if (isProblem(error)) {
      this.log.warn({ err: error }, 'ping answered nonsense')
    } else if (!(error instanceof Error && error.name === 'AbortError')) {
      throw error
    }
  }

  private lost(error: UpstreamError): void {
    this.log.error(
      { err: error, agent: this.session?.name },
      'upstream refuses the session, registering anew',
    )
    this.beating.abort()
    this.refused = true
    // A busy slot keeps its state: the run goes on with its job token for as long as upstream takes that. An idle one
    // (a heartbeat was refused) pings next, and is found down by who reads the answer.
    if (this.state === 'pinging') this.free()
    else this.woken = true
  }

  private async beat(now: boolean, signal: AbortSignal): Promise<void> {
    const { connection, clock } = this.context
    try {
      for (let first = now; ; first = false) {
        const session = this.session
        if (!session) return
        if (!first)
          await clock.sleep(Math.min(session.heartbeatInterval * 1_000, longestHeartbeatMs), signal)
        await heartbeat(connection, this.session ?? session, {
          sentAt: new Date(clock.now()),
          signal,
        }).catch((error: unknown) => this.beatFailed(error, signal))
      }
    } catch (error) {
      if (!signal.aborted) this.log.error({ err: error }, 'heartbeats ended')
    }
  }

  private beatFailed(error: unknown, signal: AbortSignal): void {
    signal.throwIfAborted()
    if (error instanceof UpstreamError && sessionRefused(error)) this.lost(error)
    else this.log.warn({ err: error }, 'heartbeat failed')
  }
}

// 401 and 404 are upstream's ways to say that the agent is gone (agent-api §8.3); other refusals may pass.
function sessionRefused(error: UpstreamError): boolean {
  return error.status === 401 || error.status === 404
}
