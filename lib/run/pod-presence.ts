import type { Clock } from '../clock.js'
import { wantsStop } from './ending.js'

// The agent pauses for less than it has tried already (agent: core/client.go, UploadChunk), and at first this much at most.
const firstPauseMs = 30_000
// Its last pause is 4 min, and after that it gives the chunk up.
const longestPauseMs = 300_000

// Three of the pod agent's own polls, as the gateway tells it to poll: each 2 s, and up to 2 s of jitter.
const pollMs = 12_000
// An agent that has seen that its job is to stop gives the command its grace, and then drains its log.
const stopMs = 30_000
// Its first poll comes within an interval of the first container's connecting.
const firstPollMs = 2_500

interface TurnedAway {
  since: number
  until: number
}

/** What the gateway sees of a run's pod agent. */
export class PodPresence {
  /** The state in which it has seen that its job is to stop. */
  stopState: string | undefined
  private heardAt: number | undefined
  private polledAt: number | undefined
  private stopSeenAt: number | undefined
  private callsUnderWay = 0
  private writesUnderWay = 0
  private readonly turnedAway = new Map<string, TurnedAway>()

  private readonly clock: Clock
  private readonly restored: boolean

  /** `restored`: an earlier process may have seen it, too. */
  constructor({ clock, restored }: { clock: Clock; restored: boolean }) {
    this.clock = clock
    this.restored = restored
  }

  /** When it was last there, in milliseconds since 1970: now, while it waits for an answer. */
  get calledAt(): number | undefined {
    return this.callsUnderWay > 0 ? this.clock.now() : this.heardAt
  }

  /** When it last asked for the job's state; `never` when surely not yet, undefined when nobody knows. */
  get lastPoll(): number | 'never' | undefined {
    return this.polledAt ?? (this.restored ? undefined : 'never')
  }

  /** It is there. */
  heard(): void {
    this.heardAt = this.clock.now()
  }

  /** It calls; the callback: that is answered. An agent that waits for an answer does nothing else meanwhile. */
  calls(): () => void {
    this.callsUnderWay++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.callsUnderWay--
      this.heard()
    }
  }

  /** It has been told the job's state, for which it asked at that time. */
  polled(state: string, askedAt: number): void {
    this.polledAt = askedAt
    if (!wantsStop(state)) return
    this.stopSeenAt ??= this.clock.now()
    this.stopState ??= state
  }

  /** Whether it asks for the job's state, so that nobody else need. */
  get polls(): boolean {
    return this.within(pollMs, this.polledAt)
  }

  /** Whether it sees by itself that its job is to stop, and stops it as it should, or is reporting already. */
  get handlesStop(): boolean {
    return this.polls || this.within(stopMs, this.stopSeenAt) || this.writing
  }

  /** How long to wait for it to do so, when it runs: an agent polls only when its first container has connected. */
  get stopPatienceMs(): number {
    if (this.restored || this.polledAt !== undefined) return pollMs / 2
    return this.calledAt === undefined ? 0 : firstPollMs
  }

  /** It sends a chunk or its finish, `what` being the same when it does so again; the callback: that is answered. */
  writes(what: string): (comesAgain: boolean) => void {
    this.writesUnderWay++
    let ended = false
    return comesAgain => {
      if (ended) return
      ended = true
      this.writesUnderWay--
      if (comesAgain) this.comesAgain(what)
      else this.turnedAway.delete(what)
    }
  }

  /** Whether a chunk or its finish is under way, or was turned away and will come again. */
  get writing(): boolean {
    const now = this.clock.now()
    return this.writesUnderWay > 0 || [...this.turnedAway.values()].some(({ until }) => now < until)
  }

  private within(ms: number, at: number | undefined): boolean {
    return at !== undefined && this.clock.now() - at < ms
  }

  private comesAgain(what: string): void {
    const now = this.clock.now()
    const since = this.turnedAway.get(what)?.since ?? now
    const pauseMs = Math.min(Math.max(now - since, firstPauseMs), longestPauseMs)
    this.turnedAway.set(what, { since, until: now + pauseMs })
  }
}
