import type { Seen, Verdict } from './judgement.js'
import { over, ripe } from './over.js'
import { agentRuns, isFinal } from './status.js'
import { listOf, quote, timeOf } from './words.js'

// It asks for its job's state every two to four seconds.
const silentMs = 12_000
// An agent that has not called yet may be about to.
const neverCalledMs = 60_000

/**
 * The node is not ready, and the agent on it has fallen silent. Both are needed: a kubelet that is dead costs no job
 * while its pods run and call, and an agent may be silent for a while on a healthy node.
 */
export function nodeLost(seen: Seen): Verdict | undefined {
  const { pod, node } = seen
  if (!pod || !node || isFinal(pod) || !ripe(seen, 0, 0)) return undefined
  const ready = listOf(node.status?.conditions).find(({ type }) => type === 'Ready')
  if (!ready || ready.status === 'True' || !isSilent(seen, timeOf(ready.lastTransitionTime))) {
    return undefined
  }
  return over('NodeLost', seen, {
    text: [
      `The node ${node.metadata?.name ?? ''} of the pod is lost: it is not ready, and the agent on it does not call any more.`,
      quote(ready.reason, ready.message),
      'The step is not to blame: a retry may help.',
    ],
  })
}

function isSilent(seen: Seen, notReadySince: number | undefined): boolean {
  const { pod, agent } = seen
  if (!pod || !agent || agent.writing) return false
  if (typeof agent.silentMs === 'number') return agent.silentMs >= silentMs
  // After a restart of ours, an agent that runs may not have called us yet.
  return !agentRuns(pod) && ripe(seen, notReadySince, neverCalledMs)
}
