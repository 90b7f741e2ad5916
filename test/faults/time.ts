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

/** What `look` gives as soon as it is something; undefined when it is not within that time. */
export async function within<T>(
  ms: number,
  look: () => T | undefined | false,
): Promise<T | undefined> {
  const end = now() + ms
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (now() > end) return undefined
    await delay(25)
  }
}
