import type { SeenClaim } from '../pod/verdict/verdict.js'
import { nothingTold, type Told } from '../pod/narration/telling.js'
import type { ClaimLook } from './claims.js'
import type { EndsSeen } from './ends-seen.js'

/** What supervision remembers of a run that goes on. */
export interface Notes {
  /** When we first judged it, in milliseconds since 1970. */
  readonly since: number
  /** Whether its Job, or a pod of its, has been seen. */
  seen: boolean
  /** The name of its last pod. */
  podName: string | undefined
  /** The ends of containers that the watch, or a fresh look, has told of. */
  ends: EndsSeen
  /** What the log has been told of its waiting. */
  told: Told
  /** When there may be something new to tell. */
  tellAt: number
  /** Whether something is being written to the log. */
  saying: boolean
  /** Takes its secrets out of a text, once its pod, or its Job, is known. */
  redact: ((text: string) => string) | undefined
  /** What it waits for, for people. */
  waiting: string | undefined
  claims: readonly SeenClaim[]
  claimLook: ClaimLook | undefined
  /** When a fresh look is due at the earliest: what the last one did not confirm is not asked about over and over. */
  lookAt: number
  pauseMs: number
}

// A cache that is stale catches up soon, and an API server that is away has others who ask.
const shortestPauseMs = 1_000
const longestPauseMs = 10_000

/** The notes on a run that nothing is known of yet. */
export function newNotes(now: number): Notes {
  return {
    since: now,
    seen: false,
    podName: undefined,
    ends: new Map(),
    told: nothingTold,
    tellAt: 0,
    saying: false,
    redact: undefined,
    waiting: undefined,
    claims: [],
    claimLook: undefined,
    lookAt: 0,
    pauseMs: shortestPauseMs,
  }
}

/** A fresh look has not confirmed what the watch says. */
export function postpone(notes: Notes, now: number): void {
  notes.lookAt = now + notes.pauseMs
  notes.pauseMs = Math.min(notes.pauseMs * 2, longestPauseMs)
}

/** There is something new to look at. */
export function lookSoon(notes: Notes): void {
  notes.lookAt = 0
  notes.pauseMs = shortestPauseMs
}
