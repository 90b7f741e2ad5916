import { setTimeout as delay } from 'node:timers/promises'

/** Milliseconds of the monotonic clock, which all processes of this machine share, also those that the hook is in. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

const offset = Date.now() - now()

/** A time of `Date.now()` as one of `now()`. */
export function ofDate(ms: number): number {
  return ms - offset
}

// What a turn may count, beyond which the machine has had no time for us, and none for the processes that are waited for.
const mostOfATurnMs = 100

/**
 * What `look` gives as soon as it is something; undefined when it is not within that time. On a machine that is too busy
 * to look, and so for what is looked for, the time is longer.
 */
export async function within<T>(
  ms: number,
  look: () => T | undefined | false,
): Promise<T | undefined> {
  let turn = now()
  for (let left = ms; ;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (left < 0) return undefined
    await delay(25)
    const before = turn
    turn = now()
    left -= Math.min(turn - before, mostOfATurnMs)
  }
}
