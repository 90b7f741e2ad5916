import type { Peer } from './names.js'

/** Moments of an effect: a call has come, or a request is asked for; it is about to go onto the wire, its answer is here and not yet seen, all is
 * over or has failed; or the process stalls there. */
export type Moment = 'came' | 'made' | 'before' | 'after' | 'over' | 'failed' | 'stalled'

/** One point of a process's life: the nth time that an effect comes to a moment, counted from 1 for each process. */
export interface Point {
  effect: string
  moment: Moment
  nth: number
}

/** What is to happen to a process at points of its own life. */
export interface Plan {
  /** SIGKILL. */
  kill?: Point
  /** Nothing of the process moves for that long, as when it gets no CPU. */
  stall?: Point & { ms: number }
  /** How far its clock is off. */
  skewMs?: number
  /** Runs on a machine of its own, as far as it can see: nobody elsewhere can tell whether it is dead. */
  machine?: string
}

/** What the hook is told in the variable `FAULTS_HOOK`. */
export interface HookInput {
  plan: Plan
  /** File to which each moment is appended as a line of JSON. */
  history: string
  /** File that may bring another plan while the process runs: points are counted anew from then on. */
  control: string
  /** Who listens where, as `host:port`. */
  peers: Record<string, Peer>
}

/** One line of a process's history. */
export interface Happening {
  /** Milliseconds of the monotonic clock, which all processes of a machine share. */
  at: number
  pid: number
  moment: Moment
  effect: string
  writes: boolean
  /** The path as it was, with ids. */
  path: string
  status?: number
  /** The UID of the pod whose service account token was shown. */
  pod?: string
}
