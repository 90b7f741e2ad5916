import type { V1Lease } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { LeaseVerbs } from '../cluster/leases.js'
import { isProblem, type Problem } from '../errors.js'
import type { Fence } from '../fence.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { giveAway } from './give-away.js'
import type { Holder } from './holder.js'
import { holderEvidence, leaseName, ownLease, stateOf } from './lease-object.js'
import { leaseLost } from './lease-problems.js'
import { LateAnswer, LeaseRequests, overtaken } from './lease-requests.js'
import { actsUntil, paceOf, sighted, whenHolding, whenStandingBy, type Sighting } from './term.js'

/** What an elector is made of. */
export interface ElectorOptions {
  leases: LeaseVerbs
  /** The Lease is named after it. */
  instance: string
  holder: Holder
  /** Closed; the elector opens it, and goes by its clock. */
  fence: Fence
  log: Log
  clock: Clock
  /** How long others wait for a holder that says nothing. */
  durationMs: number
  /**
   * Whether there may be a leader although there is no Lease, as when somebody has deleted it: it is waited for then. By
   * default a Lease that was missing from the start is taken for a new installation's.
   */
  mayBeHeld?: () => Promise<boolean>
  metrics?: Metrics
}

// How often a write that others' writes overtake is tried again at once.
const mostOvertakes = 3

/**
 * One of the processes that want the lease of an instance: it stands by until it holds it, and renews it from then on.
 * The fence is open while no other process can hold it.
 */
export class Elector {
  /**
   * Resolves with Problem LEASE_LOST when somebody else has had the lease since we took it, or LEASE_REFUSED when we may
   * not renew it. The fence is closed by then, for good.
   */
  readonly lost: Promise<Problem>
  readonly #options: ElectorOptions
  readonly #requests: LeaseRequests
  readonly #pace: ReturnType<typeof paceOf>
  readonly #stopping = new AbortController()
  #lose!: (problem: Problem) => void
  /** As we last read or wrote it. */
  #lease: V1Lease | undefined
  #sighting: Sighting | undefined
  /** Whether a write of ours may have reached it. */
  #mayBeOurs = false
  #renewing: Promise<void> | undefined
  #released: Promise<void> | undefined
  /** What was said last, so that it is said once. */
  #said: string | undefined

  constructor(options: ElectorOptions) {
    const { leases, clock, durationMs } = options
    this.#options = options
    this.#pace = paceOf(durationMs)
    const timeoutMs = this.#pace.requestMs
    this.#requests = new LeaseRequests({ leases, name: this.#name, clock, timeoutMs })
    this.lost = new Promise(resolve => (this.#lose = resolve))
  }

  /**
   * Resolves when we hold the lease and the fence is open; it is renewed from then on. An elector that was aborted or
   * released does not stand by again.
   * @throws Problem LEASE_REFUSED when we lack a right, and the signal's reason when it is aborted first.
   */
  async acquire(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const stop = () => this.#stopping.abort(signal?.reason)
    signal?.addEventListener('abort', stop)
    try {
      while (!(await this.#try())) await this.#sleep(this.#untilNextLook())
    } finally {
      signal?.removeEventListener('abort', stop)
    }
    this.#sayAllIsWell('this process holds the lease')
    this.#options.metrics?.lease.taken()
    this.#renewing = this.#keepRenewing()
  }

  /**
   * Closes the fence at once, and gives the lease away, so that a standby takes it with its next look. Resolves also when
   * that does not succeed: it is over by itself then. Fine at any time, and more than once.
   */
  release(): Promise<void> {
    this.#options.fence.close()
    this.#stopping.abort(new Error('the lease was given away'))
    return (this.#released ??= this.#giveAway())
  }

  get #name(): string {
    return leaseName(this.#options.instance)
  }

  /** One look, and a write when it is our turn. Whether we hold the lease then, and may write. */
  async #try(): Promise<boolean> {
    try {
      const sighting = this.#see(await this.#requests.get(this.#stopping.signal))
      if (!(await this.#isOurTurn(sighting))) return false
      await this.#write(this.#lease)
      return this.#options.fence.open
    } catch (error) {
      this.#stopping.signal.throwIfAborted()
      if (isProblem(error)) throw error
      // Another was quicker: the next look says who.
      if (!overtaken(error, this.#lease)) {
        this.#say('warn', { err: error }, 'the lease cannot be read or taken now: trying on')
      }
      return false
    }
  }

  async #isOurTurn(sighting: Sighting): Promise<boolean> {
    const { fence, holder, mayBeHeld } = this.#options
    const evidence = this.#lease && holderEvidence(this.#lease)
    const isDead = evidence !== undefined && holder.isDead(evidence)
    const standing = whenStandingBy(sighting, {
      identity: holder.identity,
      isDead,
      mayBeHeld: sighting.neverSeen && ((await mayBeHeld?.()) ?? false),
      now: fence.now(),
    })
    if (standing.act !== 'wait') return true
    const about = { lease: this.#name, holder: standing.holder }
    this.#say('info', about, 'standing by: another process holds the lease')
    return false
  }

  #see(lease: V1Lease | undefined): Sighting {
    const { fence, durationMs } = this.#options
    const now = fence.now()
    this.#lease = lease
    this.#sighting = sighted(this.#sighting, lease && stateOf(lease), { now, durationMs })
    return this.#sighting
  }

  #untilNextLook(): number {
    const { clock, fence } = this.#options
    const poll = this.#pace.pollMs * (0.8 + 0.4 * clock.random())
    const { at, termMs } = this.#sighting ?? { at: -Infinity, termMs: 0 }
    const left = Math.ceil(at + termMs - fence.now())
    return left > 0 ? Math.min(poll, left) : poll
  }

  /** Makes the lease ours, or renews it. Our term counts from before it was sent: nobody saw it earlier. */
  async #write(old: V1Lease | undefined): Promise<void> {
    const { clock, durationMs, fence, holder, instance } = this.#options
    const sentAt = fence.now()
    const lease = ownLease(old, { instance, holder, durationMs, now: clock.now() })
    this.#mayBeOurs = true
    this.#lease = await this.#requests.write(lease, this.#stopping.signal)
    this.#stopping.signal.throwIfAborted()
    fence.extend(actsUntil(sentAt, durationMs))
    this.#options.metrics?.lease.renewed()
  }

  async #keepRenewing(): Promise<void> {
    let pause = this.#pace.renewMs
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#sleep(pause)
        const from = this.#options.fence.now()
        await this.#renew()
        pause = Math.max(0, from + this.#pace.renewMs - this.#options.fence.now())
        if (this.#said) this.#sayAllIsWell('the lease is renewed again')
      } catch (error) {
        if (this.#stopping.signal.aborted) return
        if (isProblem(error)) return this.#end(error)
        // What hung has cost time enough.
        pause = error instanceof LateAnswer ? 0 : this.#pace.pollMs
        this.#sayTrouble(error)
      }
    }
  }

  async #renew(): Promise<void> {
    let old = this.#lease
    for (let overtakes = 0; ; overtakes++) {
      try {
        return await this.#write(old)
      } catch (error) {
        if (!overtaken(error, old) || overtakes >= mostOvertakes) throw error
      }
      old = await this.#lookAgain()
    }
  }

  /** The lease is not as we left it: it is still ours, or there is none, or it is lost. */
  async #lookAgain(): Promise<V1Lease | undefined> {
    const { fence, holder, leases } = this.#options
    const { identity } = holder
    const lease = await this.#requests.get(this.#stopping.signal)
    const state = lease && stateOf(lease)
    if (whenHolding(state, { identity, termLasts: fence.open }) !== 'lost') return lease
    fence.close()
    const found = state ? state.holder || 'nobody: another has had it in between' : 'no Lease'
    throw leaseLost({ namespace: leases.namespace, name: this.#name }, { identity, found })
  }

  #end(problem: Problem): void {
    this.#options.fence.close()
    this.#stopping.abort(problem)
    if (isProblem(problem, 'LEASE_LOST')) this.#mayBeOurs = false
    this.#lose(problem)
  }

  async #giveAway(): Promise<void> {
    await this.#renewing
    if (!this.#mayBeOurs) return
    await giveAway({ ...this.#options, requests: this.#requests, known: this.#lease })
  }

  async #sleep(ms: number): Promise<void> {
    const { signal } = this.#stopping
    await this.#options.clock.sleep(ms, signal).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error
    })
  }

  #sayTrouble(error: unknown): void {
    const about = { lease: this.#name, err: error }
    if (this.#options.fence.open) this.#say('warn', about, 'the lease is not renewed: trying on')
    else this.#say('warn', about, 'the lease may be over: nothing is written until it is renewed')
  }

  /** Once, until something else is to be said. */
  #say(
    level: 'info' | 'warn',
    about: { holder?: string; err?: unknown; lease?: string },
    message: string,
  ): void {
    const news = `${message} ${about.holder ?? ''}`
    if (news === this.#said) return
    this.#said = news
    this.#options.log[level](about, message)
  }

  #sayAllIsWell(message: string): void {
    this.#said = undefined
    this.#options.log.info({ lease: this.#name }, message)
  }
}
