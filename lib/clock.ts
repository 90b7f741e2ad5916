import { setTimeout as delay } from 'node:timers/promises'

/** Time and chance, passed in so that a test can hold both. */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now`. */
  now(): number
  /** Milliseconds of no date, which no correction of the time moves. `steadily` asks for it. */
  steady?(): number
  /** A number in [0, 1), as `Math.random`. */
  random(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The real time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  steady: () => Math.floor(performance.now()),
  random: () => Math.random(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal })
  },
}

/** The time to measure by how long something takes: that of day may be set forward or back meanwhile. */
export function steadily(clock: Clock): number {
  return clock.steady?.() ?? clock.now()
}

/** What the promise gives, or `instead` when that takes longer than `ms`. Rejects as the promise does, in time. */
export async function orAfter<T, Instead>(
  promise: Promise<T>,
  ms: number,
  { clock, instead }: { clock: Clock; instead: Instead },
): Promise<T | Instead> {
  const enough = new AbortController()
  const late = clock.sleep(ms, enough.signal).then(
    () => instead,
    () => instead,
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    enough.abort()
  }
}
