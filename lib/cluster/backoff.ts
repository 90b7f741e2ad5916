const firstMs = 500
const mostMs = 30_000

/**
 * How long to wait before attempt number `attempt` (from 0) is repeated, in milliseconds: doubling from half a second,
 * at most 30 s, of which the upper half is left to chance (`random` in [0, 1)) so that many waiters do not come at once.
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(attempt, 16))
  return Math.round(ceiling / 2 + (ceiling / 2) * random)
}
