import { verdict, type Seen, type Verdict } from '../pod/verdict/verdict.js'
import type { Notes } from './notes.js'

// What was made a moment ago the watch need not know yet.
const unseenMs = 3_000

/** The verdict on a run, of which `notes` tells what was seen before. `now` is milliseconds since 1970. */
export function judged(seen: Seen, notes: Notes, now: number): Verdict {
  const found = verdict(seen)
  if (found.state !== 'waiting' || seen.pod || seen.job) return found
  const young = now - notes.since < unseenMs
  return young && !notes.seen ? found : jobGone
}

// The Job was made and neither it nor a pod is there: somebody deleted it before it had one.
const jobGone = {
  state: 'over',
  cause: 'JobDeleted',
  fault: 'cluster',
  message: 'The Job was deleted before it had a pod.',
  exitStatus: -1,
  signalReason: 'stack_error',
} as const satisfies Verdict
