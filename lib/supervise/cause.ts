import type { Over } from '../pod/verdict/verdict.js'
import type { EndCause } from './supervised-run.js'

/**
 * A verdict in the words that an agent's `finish` may use. `stack_error` is a word of the Stacks API, which nobody has
 * seen upstream take from an agent: `process_run_error` is what an agent says when the command never ran.
 */
export function podCause({ cause, message, exitStatus, signalReason, signal }: Over): EndCause {
  return {
    cause,
    message,
    exitStatus,
    signalReason: signalReason === 'stack_error' ? 'process_run_error' : signalReason,
    signal,
  }
}
