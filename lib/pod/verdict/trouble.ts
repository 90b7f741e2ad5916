import type { Cause } from './causes.js'

/** What keeps a pod from starting, and how long it is borne. */
export interface Trouble {
  /** The cause of the end when it has been borne for too long. */
  cause: Cause
  /** Kubernetes' word for it. */
  reason: string
  /** In milliseconds; `passing` when only the limit for pending pods holds. */
  graceMs: number
  text: readonly (string | undefined)[]
  /** The container that it keeps from starting, where it is one. */
  container?: string
}

/** Nobody but the author can help. */
export const atOnce = 0

/** What somebody may make a moment later: a Secret, a ServiceAccount, a claim. */
export const missingMs = 10_000

/** What we know too little of. */
export const unknownMs = 30_000

/** It may pass by itself, after whatever time. */
export const passing = Infinity

/** Of several the one that is borne for the shortest time. */
export function worstOf(troubles: readonly Trouble[]): Trouble | undefined {
  return troubles.toSorted((a, b) => a.graceMs - b.graceMs)[0]
}
