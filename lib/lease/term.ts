/** What a Lease says, as far as an election goes by it. */
export interface LeaseState {
  /** Its resourceVersion: another one with each write, whoever made it. */
  version: string
  /** Empty when nobody holds it. */
  holder: string
  /** How long others wait for its holder; undefined when it does not say. */
  durationMs: number | undefined
  /** How often it has changed hands. */
  transitions: number
}

/** What we saw of the Lease last, `at` which moment of our monotonic clock first, and how long that stays good. */
export interface Sighting {
  /** Undefined when there is no Lease. */
  state: LeaseState | undefined
  at: number
  termMs: number
  /** Whether we never saw a Lease here: nobody that we know of can have held it. */
  neverSeen: boolean
}

/** What one who does not hold the lease does now: makes it, takes it (as the next holder), goes on, or waits. */
export type Standing =
  { act: 'create' | 'take' | 'renew' } | { act: 'wait'; until: number; holder: string }

/** What one who holds the lease does when it finds it so. */
export type Holding = 'renew' | 'create' | 'lost'

/**
 * What is seen now, given what was seen before. The moment counts from when WE first saw a state, at the end of the
 * request that showed it: whoever holds the lease sent it before that, so its own term ends before the one we count.
 */
export function sighted(
  before: Sighting | undefined,
  state: LeaseState | undefined,
  { now, durationMs }: { now: number; durationMs: number },
): Sighting {
  if (before && before.state?.version === state?.version) return before
  const neverSeen = state === undefined && (before?.neverSeen ?? true)
  // A Lease that is gone may have been renewed just before: what it said last is waited for anew.
  const termMs = state
    ? (state.durationMs ?? durationMs)
    : Math.max(before?.termMs ?? 0, durationMs)
  return { state, at: now, termMs, neverSeen }
}

/**
 * Whether to take the lease. `mayBeHeld` is about a Lease that is missing from the start: whether there may be a process
 * that holds it all the same, because somebody deleted it.
 */
export function whenStandingBy(
  { state, at, termMs, neverSeen }: Sighting,
  {
    now,
    identity,
    isDead,
    mayBeHeld,
  }: {
    now: number
    identity: string
    isDead: boolean
    mayBeHeld: boolean
  },
): Standing {
  const until = at + termMs
  if (!state) {
    const free = (neverSeen && !mayBeHeld) || now >= until
    return free ? { act: 'create' } : { act: 'wait', until, holder: '' }
  }
  // Ours without our knowing: the answer to our own write was lost.
  if (state.holder === identity) return { act: 'renew' }
  if (state.holder === '' || isDead || now >= until) return { act: 'take' }
  return { act: 'wait', until, holder: state.holder }
}

/**
 * Whether we still hold a lease that we held. Where it is missing, nobody else can have had it as long as our own term
 * lasts; after that, what we know may be out of date.
 */
export function whenHolding(
  state: LeaseState | undefined,
  { identity, termLasts }: { identity: string; termLasts: boolean },
): Holding {
  if (state) return state.holder === identity ? 'renew' : 'lost'
  return termLasts ? 'create' : 'lost'
}

/** Until when a write that gave us the lease lets us act, given the moment BEFORE it was sent. */
export function actsUntil(sentAt: number, durationMs: number): number {
  return sentAt + durationMs - marginMs(durationMs)
}

/** What is left between the end of our own term and the moment when others may begin theirs. */
export function marginMs(durationMs: number): number {
  return Math.max(500, durationMs / 10)
}

/** How often the lease is renewed, and how long one request may take so that others can follow it within the term. */
export function paceOf(durationMs: number) {
  return {
    renewMs: durationMs / 4,
    requestMs: durationMs / 3,
    /** Between two looks of one who stands by, and after a renewal that failed. */
    pollMs: Math.min(1_000, durationMs / 10),
  }
}
