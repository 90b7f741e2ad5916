/** What the order of pings depends on: one idle slot. Times are milliseconds. */
export interface IdleSlot {
  index: number
  /** When it pinged last; undefined when it never has. */
  lastPingAt: number | undefined
  intervalMs: number
  /** It is to ping at once: its run has just ended, or another slot has just been given a job. */
  woken: boolean
}

/** Which slot pings next, and when. */
export interface NextPing {
  index: number
  at: number
}

/** Times in milliseconds; nobody pings before `notBefore`. */
export interface PingTimes {
  now: number
  lastPingAt: number | undefined
  notBefore?: number
}

/**
 * The next ping: woken slots at once; the others take turns, the one that has waited longest first, evenly over the
 * interval. So a job that may go to any of us waits interval / slots, and one that is meant for a certain slot waits one
 * interval at most.
 */
export function nextPing(
  idle: readonly IdleSlot[],
  { now, lastPingAt, notBefore = -Infinity }: PingTimes,
): NextPing | undefined {
  const woken = idle.find(slot => slot.woken)
  if (woken) return { index: woken.index, at: Math.max(now, notBefore) }
  const [first, ...others] = idle
  if (!first) return undefined
  const next = others.reduce((best, slot) => (waitedLonger(slot, best) ? slot : best), first)
  const gap = next.intervalMs / idle.length
  const turn = lastPingAt === undefined ? now : lastPingAt + gap
  return { index: next.index, at: Math.max(turn, notBefore) }
}

function waitedLonger(a: IdleSlot, b: IdleSlot): boolean {
  return (a.lastPingAt ?? -Infinity) < (b.lastPingAt ?? -Infinity)
}
