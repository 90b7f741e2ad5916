import { setTimeout as delay } from 'node:timers/promises'

/** Time and chance, passed in so that a test can hold both. */
export interface Clock {
  /** Milliseconds since 1970, as `Date.now`. */
  now(): number
  /** A number in [0, 1), as `Math.random`. */
  random(): number
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The real time and chance. */
export const systemClock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, { signal })
  },
}
