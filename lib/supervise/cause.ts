import type { Over } from '../pod/verdict/verdict.js'
import type { EndCause } from './supervised-run.js'

/** A verdict as the end of a run, with the message that people are to read. */
export function podCause(
  { cause, fault, exitStatus, signalReason, signal }: Over,
  message: string,
): EndCause {
  return { cause, fault, message, exitStatus, signalReason, signal }
}
