/** The states of a job, by the names that `GET /jobs/:id` uses. `broken`: something that it depends on has failed. */
export type JobState =
  | 'pending'
  | 'scheduled'
  | 'assigned'
  | 'accepted'
  | 'running'
  | 'canceling'
  | 'timing_out'
  | 'finished'
  | 'canceled'
  | 'timed_out'
  | 'broken'

/** What moves a job from state to state. `graceOver`: a cancelled job was not finished in time. */
export type JobEvent =
  | 'scheduled'
  | 'broken'
  | 'assigned'
  | 'assignedExpired'
  | 'accepted'
  | 'acquired'
  | 'acceptedExpired'
  | 'started'
  | 'cancelation'
  | 'timeOut'
  | 'finished'
  | 'agentLost'
  | 'agentDisconnected'
  | 'graceOver'

/**
 * Who may move a job where. What is not in this table is refused.
 *
 *     pending → scheduled → assigned → accepted → running → finished
 *                   └──────(acquire)──────┘          ├→ canceling → canceled
 *                                                    └→ timing_out → timed_out
 */
const transitions: Record<JobEvent, Partial<Record<JobState, JobState>>> = {
  scheduled: { pending: 'scheduled' },
  broken: { pending: 'broken' },
  assigned: { scheduled: 'assigned' },
  assignedExpired: { assigned: 'scheduled' },
  accepted: { assigned: 'accepted' },
  acquired: { scheduled: 'accepted' },
  acceptedExpired: { accepted: 'scheduled' },
  started: { accepted: 'running' },
  cancelation: {
    pending: 'canceled',
    scheduled: 'canceled',
    assigned: 'canceled',
    accepted: 'canceling',
    running: 'canceling',
  },
  timeOut: { running: 'timing_out' },
  finished: { running: 'finished', canceling: 'canceled', timing_out: 'timed_out' },
  agentLost: agentGone(),
  agentDisconnected: agentGone(),
  graceOver: { canceling: 'canceled', timing_out: 'timed_out' },
}

function agentGone(): Partial<Record<JobState, JobState>> {
  return {
    assigned: 'scheduled',
    accepted: 'scheduled',
    running: 'finished',
    canceling: 'canceled',
    timing_out: 'timed_out',
  }
}

/** The state after an event, or nothing when the event is not allowed in this state. */
export function nextState(state: JobState, event: JobEvent): JobState | undefined {
  return transitions[event][state]
}

const over: readonly JobState[] = ['finished', 'canceled', 'timed_out', 'broken']
const underWay: readonly JobState[] = ['running', 'canceling', 'timing_out']

/** Whether nothing can happen to a job of this state any more. */
export function isOver(state: JobState): boolean {
  return over.includes(state)
}

/** Whether a job of this state takes log chunks and may be finished by its agent. */
export function isUnderWay(state: JobState): boolean {
  return underWay.includes(state)
}

/** How long each step may take, in milliseconds. */
export interface Timeouts {
  /** From the assignment to `accept`. */
  assignedMs: number
  /** From `accept` to `start`. */
  acceptedMs: number
  /** Without a heartbeat until the agent is called lost. */
  lostMs: number
  /** From a cancelation, or a time-out of the step, to `finish`. */
  cancelGraceMs: number
}

/** The times of Buildkite, as far as they are known: assigned a minute, accepted 30 s (2015), lost three minutes. */
export const usualTimeouts: Timeouts = {
  assignedMs: 60_000,
  acceptedMs: 30_000,
  lostMs: 180_000,
  cancelGraceMs: 60_000,
}

/** What happens to a job by time alone, and when, if it stays in its state. */
export function expiry(
  job: { state: JobState; since: number; timeoutMs?: number | undefined },
  timeouts: Timeouts,
): { at: number; event: JobEvent } | undefined {
  switch (job.state) {
    case 'assigned':
      return { at: job.since + timeouts.assignedMs, event: 'assignedExpired' }
    case 'accepted':
      return { at: job.since + timeouts.acceptedMs, event: 'acceptedExpired' }
    case 'running':
      return job.timeoutMs === undefined
        ? undefined
        : { at: job.since + job.timeoutMs, event: 'timeOut' }
    case 'canceling':
    case 'timing_out':
      return { at: job.since + timeouts.cancelGraceMs, event: 'graceOver' }
    default:
      return undefined
  }
}
