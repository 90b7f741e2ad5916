import type { AgentPing } from '../types/agent-ping.js'
import { callBuckets, type Instruments } from './instruments.js'

/** What a ping brought: a job, nothing, a word of upstream's, a refusal (any HTTP status), or no answer of use. */
export const pingOutcomes = ['job', 'idle', 'pause', 'disconnect', 'refused', 'failed'] as const

export type PingOutcome = (typeof pingOutcomes)[number]

/** The slots' pings. */
export class PingMetrics {
  private readonly pings
  private readonly duration

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number },
  ) {
    this.pings = make.counter('pings_total', 'Pings of slots by what they brought.', {
      outcome: pingOutcomes,
    })
    this.duration = make.histogram('ping_duration_seconds', 'How long pings take.', {
      buckets: callBuckets,
    })
  }

  /** A ping begins. What is returned is told what came of it: upstream's word, or what was thrown. */
  began(): (came: { ping: AgentPing } | { error: unknown }) => void {
    const from = this.clocks.now()
    return came => {
      this.pings.inc({ outcome: pingOutcome(came) })
      this.duration.observe((this.clocks.now() - from) / 1_000)
    }
  }
}

/** What a ping counts as. */
export function pingOutcome(came: { ping: AgentPing } | { error: unknown }): PingOutcome {
  if ('error' in came) {
    const { status } = (came.error ?? {}) as { status?: unknown }
    return typeof status === 'number' ? 'refused' : 'failed'
  }
  const { action, job } = came.ping
  if (action === 'disconnect' || action === 'pause') return action
  return job ? 'job' : 'idle'
}
