import { claimWithoutStorage } from './claims.js'
import {
  deadlineExceeded,
  podGone,
  podFailedWithReason,
  disrupted,
  initFailed,
  agentEnded,
  podEnded,
  jobFailed,
} from './ends.js'
import type { Rule, Seen, Verdict } from './judgement.js'
import { podRefused } from './refused.js'
import { neverStarts, cannotStart, running, noPod, unscheduled, starting } from './starts.js'

export type { Over, PodClaim, Seen, SeenClaim, Verdict } from './judgement.js'

/** The verdict on a run that has not been finished: that of the first rule which has one. */
export function verdict(seen: Seen): Verdict {
  for (const rule of rules) {
    const found = rule(seen)
    if (found !== undefined) return found
  }
  return { state: 'waiting', reason: 'Pending', message: 'The pod is pending.' }
}

// The order is the meaning: ends first, and of these the one that explains most (an eviction explains the container
// that it killed); then containers that cannot start, which count even while the pod agent runs, because it waits for
// them; then what goes on. A pod that is being deleted while its agent runs is left to the agent: it has been told,
// and finishes by itself. Last what the pod waits for.
const rules: readonly Rule[] = [
  deadlineExceeded,
  podGone,
  podFailedWithReason,
  disrupted,
  initFailed,
  agentEnded,
  podEnded,
  jobFailed,
  neverStarts,
  cannotStart,
  running,
  podRefused,
  noPod,
  claimWithoutStorage,
  unscheduled,
  starting,
]
