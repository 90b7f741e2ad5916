import { EventEmitter, once, setMaxListeners } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { steadily, type Clock } from '../clock.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Connection } from '../upstream/connection.js'
import type { AgentSession } from '../upstream/session.js'
import { Joining } from './joining.js'
import { nextPing } from './pacing.js'
import { Slot } from './slot.js'

/** What a pool of slots is made of, and what it tells whom. */
export interface PoolOptions {
  endpoint: string
  /** The cluster's agent token. */
  token: string
  tags: readonly string[]
  /** Agent name; `%i` becomes the slot's number, from 1. */
  name: string
  size: number
  connection: Connection
  log: Log
  clock: Clock
  metrics?: Metrics
  /** Makes a new session durable. */
  keep: (slot: Slot, session: AgentSession) => Promise<void>
  /** Forgets a session that is over. */
  forget: (slot: Slot) => Promise<void>
  /** Takes the job that a ping brought, and resolves when its run is over; to false when upstream did not let us have it. */
  work: (slot: Slot, jobId: string) => Promise<void | false>
}

/** All slots: keeps them registered, paces their pings, hands the jobs that come to `work`. */
export class SlotPool {
  readonly slots: Slot[]
  private readonly changes = new EventEmitter()
  private readonly stopping = new AbortController()
  private readonly leaving = new AbortController()
  private readonly working = new Set<Promise<void>>()
  private readonly joining: Joining
  private lastPingAt: number | undefined
  private notBefore = -Infinity
  private allDismissed = false

  constructor(private readonly options: PoolOptions) {
    // Every slot listens to these at once: that is no leak.
    setMaxListeners(0, this.stopping.signal, this.leaving.signal)
    this.changes.setMaxListeners(0)
    const [stopping, leaving] = [this.stopping.signal, this.leaving.signal]
    this.joining = new Joining({ ...options, stopping, leaving })
    this.slots = Array.from({ length: options.size }, (_, index) => this.newSlot(index))
  }

  /** The slot of that number; one beyond the pool's size is added for a run of an earlier process. */
  slot(index: number): Slot {
    const known = this.slots.find(slot => slot.index === index)
    if (known) return known
    const added = this.newSlot(index)
    this.slots.push(added)
    return added
  }

  /**
   * Connects a first slot, so that a wrong token or endpoint is known at once, then the others in the background, and
   * begins to ping.
   * @throws Problem UPSTREAM_UNREACHABLE or UPSTREAM_REFUSED when the first slot can't be had.
   */
  async start(): Promise<void> {
    const { log, size } = this.options
    const unusable = this.unusable()
    if (unusable !== undefined) log.error({ slots: size }, unusable)
    const known = this.slots.some(slot => slot.known)
    const [first] = this.slots.filter(slot => slot.state === 'down')
    if (first && !known) await this.joinFirst(first)
    for (const slot of this.slots) {
      const wanted = slot.index < size
      if (slot.state === 'down' && wanted) this.join(slot)
      // Of an earlier process that had more of them.
      if (slot.state === 'idle' && !wanted) this.track(this.release(slot), slot.index)
    }
    void this.pingLoop()
  }

  /** Why no job can be taken, when that is so: every slot has been set aside (`stopped`), such as for its record. */
  unusable(): string | undefined {
    const usable = this.slots.some(({ index, state }) => {
      return index < this.options.size && state !== 'stopped'
    })
    return usable ? undefined : 'no slot can be used: no job is taken'
  }

  /** Goes on with an idle session of an earlier process. */
  takeUp(slot: Slot, session: AgentSession): void {
    slot.takeUp(session)
    this.join(slot)
  }

  /** Follows a run of an earlier process on its slot. */
  adopt(slot: Slot, run: Promise<void | false>): void {
    slot.state = 'busy'
    this.follow(slot, run)
  }

  /** Pings no more. Idle slots disconnect at once; one whose ping is under way when it has been answered. */
  async drain(): Promise<void> {
    this.stopping.abort()
    await Promise.all(
      this.slots
        .filter(slot => slot.state === 'idle' || slot.state === 'down')
        .map(slot => this.release(slot)),
    )
  }

  /** Resolves when no run is left. */
  async idle(): Promise<void> {
    while (this.working.size > 0) await Promise.all(this.working)
  }

  /** Stops all timers; what still runs is left to the next process. */
  abandon(): void {
    this.stopping.abort()
    this.leaving.abort()
    for (const slot of this.slots) slot.silence()
  }

  /** Resolves when upstream has told every slot to disconnect. */
  async allStopped(): Promise<void> {
    while (!this.allDismissed) await once(this.changes, 'change')
  }

  private newSlot(index: number): Slot {
    const { connection, log, clock, metrics } = this.options
    return new Slot(index, { connection, log, clock, metrics })
  }

  private async joinFirst(slot: Slot): Promise<void> {
    const joined = this.joining.first(slot).then(() => this.joined(slot))
    this.track(
      joined.catch(() => undefined),
      slot.index,
    )
    await joined
  }

  private join(slot: Slot): void {
    this.track(
      this.joining.untilJoined(slot).then(() => this.joined(slot)),
      slot.index,
    )
  }

  // One that was registered when a stop came has been connected, so that it can take its leave.
  private async joined(slot: Slot): Promise<void> {
    const wanted = slot.index < this.options.size && !this.stopping.signal.aborted
    if (slot.state === 'idle' && !wanted && !this.leaving.signal.aborted) await this.release(slot)
    this.changed()
  }

  private async pingLoop(): Promise<void> {
    const { clock } = this.options
    const { signal } = this.stopping
    while (!signal.aborted) {
      const now = steadily(clock)
      const { lastPingAt, notBefore } = this
      const next = nextPing(this.idleSlots(), { now, lastPingAt, notBefore })
      if (next && next.at <= now) {
        this.lastPingAt = now
        this.track(this.pingSlot(this.slot(next.index)), next.index)
      } else {
        await this.changeOr(next ? next.at - now : undefined)
      }
    }
  }

  private idleSlots() {
    return this.slots
      .filter(slot => slot.state === 'idle')
      .map(({ index, lastPingAt, woken, session }) => ({
        index,
        lastPingAt,
        woken,
        intervalMs: (session?.pingInterval ?? 10) * 1_000,
      }))
  }

  private async pingSlot(slot: Slot): Promise<void> {
    const before = slot.session
    const { ping, waitMs } = await slot.ping(this.leaving.signal)
    this.keepChanges(slot, before)
    if (waitMs > 0) this.holdBack(waitMs)
    if (slot.state === 'stopped') return
    if (slot.state === 'down') this.join(slot)
    else if (ping?.action === 'disconnect') await this.dismissed(slot)
    // A job that comes with the last ping before a stop is still ours: upstream has assigned it.
    else if (ping?.job && ping.action !== 'pause') this.give(slot, ping.job.id)
    else if (this.stopping.signal.aborted) await this.release(slot)
    else if (slot.free() === 'down') this.join(slot)
    this.changed()
  }

  // What upstream says to one of us is meant for all. Afterwards they take turns again, also those that were woken.
  private holdBack(ms: number): void {
    const { clock } = this.options
    this.notBefore = Math.max(this.notBefore, steadily(clock) + ms * (1 + clock.random() / 4))
    for (const slot of this.slots) slot.woken = false
  }

  // Headers or an endpoint that a ping brought are to be known after a restart too.
  private keepChanges(slot: Slot, before: AgentSession | undefined): void {
    const { session } = slot
    if (session && !isDeepStrictEqual(session, before))
      this.track(this.options.keep(slot, session), slot.index)
  }

  private give(slot: Slot, jobId: string): void {
    slot.state = 'busy'
    // Jobs come in bursts; one that was named before and was not to be had is no sign of another.
    if (slot.missedJob !== jobId) this.wakeIdle()
    this.follow(slot, this.options.work(slot, jobId), jobId)
  }

  private wakeIdle(): void {
    for (const slot of this.slots) if (slot.state === 'idle') slot.woken = true
  }

  private follow(slot: Slot, run: Promise<void | false>, jobId?: string): void {
    const settled = run.catch((error: unknown) => {
      this.options.log.error({ err: error, slot: slot.index }, 'run ended badly')
      return false as const
    })
    this.track(
      settled.then(taken => {
        slot.missedJob = taken === false ? jobId : undefined
        return this.runOver(slot, taken !== false)
      }),
      slot.index,
    )
  }

  private track(task: Promise<void>, slot: number): void {
    const tracked = task
      .catch((error: unknown) => this.options.log.error({ err: error, slot }, 'slot failed'))
      .finally(() => this.working.delete(tracked))
    this.working.add(tracked)
  }

  // A job that was not to be had may come with the next ping again: the slot waits for its turn then.
  private async runOver(slot: Slot, taken: boolean): Promise<void> {
    if (slot.state !== 'busy') return
    if (this.stopping.signal.aborted || slot.index >= this.options.size) {
      await this.release(slot)
    } else {
      slot.woken = taken
      if (slot.free() === 'down') this.join(slot)
    }
    this.changed()
  }

  private async dismissed(slot: Slot): Promise<void> {
    this.options.log.warn({ slot: slot.index }, 'upstream told the agent to disconnect')
    await this.release(slot)
    // The last one: a person has stopped us all, and slots that a plan's limit kept away are not to come back.
    if (this.slots.some(({ session }) => session !== undefined)) return
    await this.drain()
    this.allDismissed = true
    this.changed()
  }

  private async release(slot: Slot): Promise<void> {
    const had = slot.known
    await slot.leave(this.leaving.signal)
    slot.state = 'stopped'
    if (had) await this.options.forget(slot)
    this.changed()
  }

  private changed(): void {
    this.changes.emit('change')
  }

  private async changeOr(ms: number | undefined): Promise<void> {
    const settled = new AbortController()
    const signal = AbortSignal.any([this.stopping.signal, settled.signal])
    const change = once(this.changes, 'change', { signal }).catch(() => undefined)
    const time =
      ms === undefined ? change : this.options.clock.sleep(ms, signal).catch(() => undefined)
    await Promise.race([change, time])
    settled.abort()
  }
}
