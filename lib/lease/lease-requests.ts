import type { V1Lease } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import type { LeaseVerbs } from '../cluster/leases.js'
import { leaseRefused } from './lease-problems.js'

type Verb = 'get' | 'create' | 'update'

/** The API server has not answered within the time that one request of an election has. It may have done it. */
export class LateAnswer extends Error {
  override readonly name = 'LateAnswer'
}

/** Whether somebody else's write was quicker, or an earlier one of ours whose answer was lost. */
export function overtaken(error: unknown, old: V1Lease | undefined): boolean {
  if (isClusterError(error, 'conflict') || isClusterError(error, 'exists')) return true
  return old !== undefined && isNotFound(error)
}

/**
 * The requests about one Lease, each with a time-out, so that one that hangs leaves time for the next. What the API
 * server has never let us do ends as Problem LEASE_REFUSED; once it has, a refusal is taken for a passing one.
 */
export class LeaseRequests {
  readonly #leases: LeaseVerbs
  readonly #name: string
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #allowed = new Set<Verb>()

  constructor(options: { leases: LeaseVerbs; name: string; clock: Clock; timeoutMs: number }) {
    this.#leases = options.leases
    this.#name = options.name
    this.#clock = options.clock
    this.#timeoutMs = options.timeoutMs
  }

  get(signal: AbortSignal): Promise<V1Lease | undefined> {
    return this.#ask('get', cut => this.#leases.get(this.#name, cut), signal)
  }

  /** Makes the Lease when it has no resourceVersion yet, and replaces that version of it else. */
  write(lease: V1Lease, signal: AbortSignal): Promise<V1Lease> {
    return lease.metadata?.resourceVersion === undefined
      ? this.#ask('create', cut => this.#leases.create(lease, cut), signal)
      : this.#ask('update', cut => this.#leases.replace(lease, cut), signal)
  }

  async #ask<T>(
    verb: Verb,
    send: (cut: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    try {
      const answer = await this.#inTime(send, signal)
      this.#allowed.add(verb)
      return answer
    } catch (error) {
      const gone = verb === 'update' && isNotFound(error)
      if (gone || this.#allowed.has(verb) || !isClusterError(error, 'final')) throw error
      const place = { namespace: this.#leases.namespace, name: this.#name }
      throw leaseRefused(place, { verb, error })
    }
  }

  /** Raced, and not only aborted: a request that waits for a connection does not hear of it. */
  async #inTime<T>(send: (cut: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    const cut = new AbortController()
    const stop = () => cut.abort(signal.reason)
    signal.addEventListener('abort', stop)
    try {
      const answer = send(cut.signal)
      answer.catch(() => undefined)
      return await Promise.race([answer, this.#late(cut.signal)])
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener('abort', stop)
      cut.abort()
    }
  }

  async #late(cut: AbortSignal): Promise<never> {
    await this.#clock.sleep(this.#timeoutMs, cut)
    throw new LateAnswer(`no answer from the API server in ${Math.round(this.#timeoutMs)} ms`)
  }
}
