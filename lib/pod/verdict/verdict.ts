import { agentEnded } from './agent-ends.js'
import { claimWithoutStorage } from './claims.js'
import { deadContainer } from './dead-containers.js'
import {
  deadlineExceeded,
  disrupted,
  jobFailed,
  overdue,
  podEnded,
  podFailedWithReason,
  podGone,
  suspended,
} from './ends.js'
import { initFailed, sidecarCrash } from './init.js'
import type { Rule, Seen, Verdict } from './judgement.js'
import { emptyJob, noPod, pendingTooLong } from './limits.js'
import { nodeLost } from './nodes.js'
import { podRefused } from './refused.js'
import { unscheduled, unseen } from './scheduling.js'
import { cannotStart, nodeCannotStart, running, starting } from './starts.js'

export type { Over, PodClaim, Seen, SeenClaim, Verdict } from './judgement.js'

/**
 * The verdict on a run that has not been finished: that of the first rule which has one. What waits for longer than
 * the operator's limit for pending pods is over, whatever it waits for.
 */
export function verdict(seen: Seen): Verdict {
  const found = firstOf(rules, seen) ?? pending
  return found.state === 'waiting' ? (pendingTooLong(seen, found) ?? found) : found
}

const pending = { state: 'waiting', reason: 'Pending', message: 'The pod is pending.' } as const

// The order is the meaning: ends first, and of these the one that explains most (an eviction explains the container
// that it killed). Then what the agent cannot know although it runs: its node is lost, a container that it leads is
// dead; and the sidecar that it will wait for in vain. Then containers that cannot start, which count even while the agent runs, because it waits for them; then what
// goes on. A pod that is being deleted while its agent runs is left to the agent: it has been told, and finishes by
// itself. Last what is waited for, each with its own patience: a Job without a pod, a pod without a node (of which a
// claim explains more than the scheduler), a node that cannot start it.
const rules: readonly Rule[] = [
  deadlineExceeded,
  podGone,
  podFailedWithReason,
  disrupted,
  initFailed,
  agentEnded,
  podEnded,
  jobFailed,
  nodeLost,
  overdue,
  deadContainer,
  sidecarCrash,
  cannotStart,
  running,
  suspended,
  podRefused,
  emptyJob,
  noPod,
  claimWithoutStorage,
  unscheduled,
  unseen,
  nodeCannotStart,
  starting,
]

function firstOf(list: readonly Rule[], seen: Seen): Verdict | undefined {
  for (const rule of list) {
    const found = rule(seen)
    if (found !== undefined) return found
  }
  return undefined
}
