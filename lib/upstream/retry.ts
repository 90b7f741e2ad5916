/** How one attempt went wrong: an HTTP status, no answer at all, or an answer that can't be read. */
export type Fault =
  | { kind: 'status'; status: number; retryAfterMs?: number }
  | { kind: 'network' }
  | { kind: 'undecodable' }

/** How often a call is tried, how long it waits in between, and which faults it bears. */
export interface RetryPolicy {
  attempts: number
  /** Milliseconds before attempt n + 1, n counted from 0. */
  waitMs: (n: number) => number
  /** Whether the fault may pass. */
  passing: (fault: Fault) => boolean
}

// Said by somebody on the way, as a rule: too slow, too early, elsewhere. Upstream's API has no use for them.
const ofTheWay = [301, 302, 303, 307, 308, 408, 425]

/**
 * 429 and 5xx, which the agent calls retryable (agent: api/retryable.go), and what is no word of upstream's on the call.
 */
export function retryableStatus(status: number): boolean {
  return status === 429 || status >= 500 || ofTheWay.includes(status)
}

function mayPass(fault: Fault): boolean {
  return fault.kind !== 'status' || retryableStatus(fault.status)
}

const constant = (ms: number) => () => ms
const exponential = (firstMs: number, capMs: number) => (n: number) =>
  Math.min(capMs, firstMs * 2 ** n)

// roko's ExponentialSubsecond(2 s): about 2, 3.2, 5.2, 8.3 … s, ten minutes in twelve attempts.
const subsecond = (n: number) => Math.min(60_000, 2000 ** (n / 16 + 1))

/**
 * The agent's own retry table, call by call. Where we differ it is to lose less: chunks bear 429, and finish goes on for
 * about an hour, because nobody else can deliver it.
 */
export const policies = {
  register: { attempts: 30, waitMs: constant(10_000), passing: mayPass },
  registerAtStart: { attempts: 4, waitMs: exponential(500, 4_000), passing: mayPass },
  connect: { attempts: 10, waitMs: constant(5_000), passing: mayPass },
  disconnect: { attempts: 4, waitMs: constant(1_000), passing: mayPass },
  heartbeat: { attempts: 10, waitMs: constant(5_000), passing: mayPass },
  ping: { attempts: 1, waitMs: constant(0), passing: mayPass },
  // An HTTP status ends it: the next ping tells what became of the job.
  accept: { attempts: 30, waitMs: constant(5_000), passing: fault => fault.kind !== 'status' },
  start: { attempts: 7, waitMs: exponential(1_000, 32_000), passing: mayPass },
  chunk: { attempts: 60, waitMs: subsecond, passing: mayPass },
  state: { attempts: 1, waitMs: constant(0), passing: mayPass },
  finish: { attempts: 70, waitMs: subsecond, passing: mayPass },
  annotate: { attempts: 5, waitMs: constant(1_000), passing: mayPass },
} as const satisfies Record<string, RetryPolicy>

/**
 * Milliseconds to wait before the next attempt, or `undefined` to give up. A `Retry-After` of upstream lengthens the
 * wait, up to a minute; up to a second of jitter is added, as the agent does.
 */
export function nextTry(
  policy: RetryPolicy,
  made: number,
  fault: Fault,
  random: number,
): number | undefined {
  if (made >= policy.attempts || !policy.passing(fault)) return undefined
  const asked = fault.kind === 'status' ? Math.min(fault.retryAfterMs ?? 0, 60_000) : 0
  return Math.max(policy.waitMs(made - 1), asked) + random * 1_000
}

/** Milliseconds of a `Retry-After` header in seconds, possibly fractional; undefined when it is none. */
export function retryAfterMs(header: string | string[] | undefined): number | undefined {
  const seconds = Number(Array.isArray(header) ? header[0] : header)
  return header === undefined || !Number.isFinite(seconds) || seconds < 0
    ? undefined
    : seconds * 1_000
}
