import type { Trouble as ClusterTrouble } from '../../lib/sandbox/cluster/faults.js'
import type { Trouble as UpstreamTrouble } from '../../lib/sandbox/buildkite/faults.js'
import { effectOf, type Peer } from './hook/names.js'
import { Random } from './random.js'

/** How often requests meet with trouble while a nemesis is at work, from 0 to 1. */
export interface Shares {
  upstream: number
  kubernetes: number
}

/**
 * Makes trouble for requests as the seed has it: what the nth request of a kind meets with depends on the seed, the kind
 * and n alone, not on what happens in between.
 */
export class Nemesis {
  /** How many requests it has met. */
  met = 0
  readonly #seed: number
  readonly #counts = new Map<string, number>()
  #shares: Shares

  constructor(seed: number, shares: Shares) {
    this.#seed = seed
    this.#shares = shares
  }

  /** Leaves all requests in peace from now on. */
  end(): void {
    this.#shares = { upstream: 0, kubernetes: 0 }
  }

  upstream(request: { method: string; path: string }): UpstreamTrouble | undefined {
    const random = this.#chosen('upstream', request)
    return random && random.pick(upstreamTroubles)(random, request.path)
  }

  kubernetes(request: {
    method: string
    path: string
    watch: boolean
  }): ClusterTrouble | undefined {
    const path = request.watch ? `${request.path}?watch=1` : request.path
    const random = this.#chosen('kubernetes', { method: request.method, path })
    return random && random.pick(clusterTroubles)(random)
  }

  #chosen(
    peer: Exclude<Peer, 'gateway'>,
    { method, path }: { method: string; path: string },
  ): Random | undefined {
    const share = this.#shares[peer]
    if (share === 0) return undefined
    const { name } = effectOf(peer, method, path)
    const nth = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, nth)
    const random = new Random(`${this.#seed} ${name} ${nth}`)
    if (!random.chance(share)) return undefined
    this.met += 1
    return random
  }
}

// Passing faults only: an answer that is final, as a 401 or a policy's 403, is meant to have its effect.
const upstreamTroubles: readonly ((random: Random, path: string) => UpstreamTrouble)[] = [
  () => ({ reset: 'before' }),
  () => ({ reset: 'after' }),
  random => ({ status: random.pick([500, 502, 503, 504]), body: '<html>no JSON</html>' }),
  // The emulator refuses a 429 that an agent can't wait for; Retry-After is what makes it one.
  random => ({ status: 429, headers: { 'retry-after': String(random.between(0, 2)) } }),
  random => ({ delayMs: random.between(100, 1_500) }),
  random => ({ answerDelayMs: random.between(100, 1_500) }),
  (_, path) => (/\/register$/.test(path) ? { reset: 'before' } : { twice: true }),
  () => ({ truncate: true }),
]

const clusterTroubles: readonly ((random: Random) => ClusterTrouble)[] = [
  () => ({ reset: true, when: 'before' }),
  () => ({ reset: true, when: 'after' }),
  random => ({ status: random.pick([500, 503, 504]) }),
  random => ({ status: 429, retryAfterSeconds: random.between(0, 1) }),
  random => ({ delayMs: random.between(100, 1_000) }),
  () => ({ twice: true }),
  () => ({ truncate: true }),
]
