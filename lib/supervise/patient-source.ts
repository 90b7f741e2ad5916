import type { Clock } from '../clock.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { ListWatch } from '../cluster/list-watch.js'

// A role that is mended while we run is noticed; nobody waits for it.
const askAgainMs = 10 * 60_000

// Shorter than what a watch may be silent.
const quietMs = 60_000

/** What a patient source is made of. */
export interface PatientOptions {
  clock: Clock
  onForbidden: (error: unknown) => void
  onAllowed?: () => void
}

/**
 * A source that we may do without. While the API server says that we may not read it, it is asked again now and then;
 * to whoever follows it that looks like a list that takes long, or a watch with nothing to say. `onForbidden` is called
 * once, and `onAllowed` when it is watched after all.
 */
export function patientSource<T>(
  source: ListWatch<T>,
  { clock, onForbidden, onAllowed }: PatientOptions,
): ListWatch<T> {
  let told = false
  let askAt = 0
  const forbidden = (error: unknown): void => {
    if (!isClusterError(error) || error.status !== 403) throw error
    askAt = clock.now() + askAgainMs
    if (!told) onForbidden(error)
    told = true
  }
  return {
    kind: source.kind,
    list: async (page, signal) => {
      for (;;) {
        if (askAt > clock.now()) await clock.sleep(askAt - clock.now(), signal)
        try {
          return await source.list(page, signal)
        } catch (error) {
          forbidden(error)
        }
      }
    },
    watch: async (from, signal) => {
      if (clock.now() >= askAt) {
        try {
          const events = await source.watch(from, signal)
          onAllowed?.()
          return events
        } catch (error) {
          forbidden(error)
        }
      }
      return nothing(clock, signal)
    },
  }
}

async function* nothing(clock: Clock, signal: AbortSignal): AsyncGenerator<never, void> {
  await clock.sleep(quietMs, signal).catch(() => undefined)
}
