import { steadily, type Clock } from '../clock.js'

/** How long a call may still be held, and whether its pod still waits for the answer. */
export interface Patience {
  /** Milliseconds of the steady clock at which it began to wait. */
  from: number
  ms: number
  /** Aborted when the pod has gone away. */
  gone: AbortSignal
}

/** Whether there is no more patience, or nobody to be patient for. */
export function impatient({ from, ms, gone }: Patience, clock: Clock): boolean {
  return gone.aborted || steadily(clock) >= from + ms
}
