import { causes, type Cause } from './causes.js'
import type { Over, Seen, Verdict } from './judgement.js'
import { memoryNotes } from './memory.js'
import { agentStarted, exitCode, signalName, type EndedContainer } from './status.js'
import { lines } from './words.js'

/** Whether the pod agent has run, as far as the pod's status or the agent itself tells. */
export function hasRun({
  pod,
  agent,
  podSeenBefore,
}: Pick<Seen, 'pod' | 'agent' | 'podSeenBefore'>): boolean {
  if (typeof agent?.silentMs === 'number') return true
  if (pod) return agentStarted(pod)
  // Of a pod that is gone nobody knows whether its agent had started, unless we have listened all the time; it was told
  // to stop if it had.
  return podSeenBefore && agent?.polledMs !== 'never'
}

/** The end of a run, in the words that its cause has upstream. */
export function over(
  cause: Cause,
  seen: Seen,
  end: {
    text: readonly (string | undefined)[]
    /** The container whose end is the cause. */
    container?: EndedContainer
    lastWordsOf?: readonly string[]
  },
): Over {
  const { text, container, lastWordsOf = container ? [container.name] : [] } = end
  const notes = seen.pod ? memoryNotes(seen.pod, container ? [container.name] : []) : []
  const own = container && ownEnd(container)
  const reason = signalReason(cause, seen)
  return {
    state: 'over',
    cause,
    fault: causes[cause].fault,
    message: lines(...text, ...notes),
    exitStatus: causes[cause].words === 'own' && own ? own.exitStatus : -1,
    ...(reason === undefined ? {} : { signalReason: reason }),
    ...(own?.signal === undefined ? {} : { signal: own.signal }),
    ...(lastWordsOf.length === 0 ? {} : { lastWordsOf }),
  }
}

/** A container's exit status and signal. Of what the kernel kills for its memory it kills all, whatever is reported. */
export function ownEnd({ state }: EndedContainer): { exitStatus: number; signal?: string } {
  if (state.reason === 'OOMKilled') return { exitStatus: 137, signal: 'SIGKILL' }
  const signal = signalName(state)
  return { exitStatus: exitCode(state), ...(signal === undefined ? {} : { signal }) }
}

/** Whether what has lasted since then has lasted for `graceMs`. While a pod's status may be old, nothing has. */
export function ripe({ now }: Seen, since: number | undefined, graceMs: number): boolean {
  if (!(now > 0) || since === undefined) return false
  return graceMs === 0 || now - since >= graceMs
}

/** A pod that may yet come to run its job. */
export function waiting(reason: string, ...text: (string | undefined)[]): Verdict {
  return { state: 'waiting', reason, message: lines(...text) || reason }
}

function signalReason(cause: Cause, seen: Seen): Over['signalReason'] {
  switch (causes[cause].words) {
    case 'never-ran':
      return 'process_run_error'
    case 'stopped':
      return hasRun(seen) ? 'agent_stop' : 'process_run_error'
    case 'cluster':
      return hasRun(seen) ? 'agent_stop' : 'stack_error'
    default:
      return undefined
  }
}
