import { orAfter, type Clock } from '../clock.js'
import type { FinishOutcome } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import { policies, type RetryPolicy } from '../upstream/retry.js'
import { untilTaken } from './delivery.js'

/** What the delivery of a pod's finish is made of. */
export interface ReportedFinishOptions {
  /** Sends it upstream, as often as the policy says. */
  deliver: (policy: RetryPolicy) => Promise<FinishOutcome>
  /** Makes it durable. */
  keep: () => Promise<void>
  /** Upstream has taken it, or refused it for good. */
  conclude: (outcome: FinishOutcome) => void
  /** Whether it is durable already: an earlier process could not deliver it. */
  durable: boolean
  clock: Clock
  log: Log
}

const passing: FinishOutcome = { state: 'passing' }

// How long a pod waits for upstream before its finish is written down and the pod let go.
const atOnceMs = 15_000

// The pod's agent gives a call 60 s.
const podPatienceMs = 45_000

/**
 * The `finish` that a pod has reported: sent upstream once; when that does not take it at once, written into the ledger,
 * so that the pod can go, and sent again until it is taken or refused for good.
 */
export class ReportedFinish {
  /** Whether it survives a crash: the pod may go. */
  durable: boolean
  /** Resolves when upstream has taken it, or refused it for good. Rejects when the run is left to the next process. */
  readonly delivered: Promise<FinishOutcome>
  private readonly notAtOnce: Promise<void>
  private sayNotAtOnce!: () => void
  private keeping: Promise<void> | undefined

  constructor(private readonly options: ReportedFinishOptions) {
    this.durable = options.durable
    this.notAtOnce = new Promise(resolve => (this.sayNotAtOnce = resolve))
    this.delivered = this.deliver()
    this.delivered.catch(() => undefined)
  }

  /** What the pod is told: `passing` when it is to ask again, because nothing is certain yet. */
  async forPod(): Promise<FinishOutcome> {
    const { clock } = this.options
    const known = Promise.race([this.delivered, this.written()])
    return orAfter(known, podPatienceMs, { clock, instead: passing }).catch(() => passing)
  }

  private async deliver(): Promise<FinishOutcome> {
    const { deliver, conclude } = this.options
    if (this.durable) this.sayNotAtOnce()
    const first = deliver(this.durable ? untilTaken : policies.state)
    let outcome = await this.atOnce(first)
    if (outcome.state === 'passing') {
      this.sayNotAtOnce()
      void this.written()
      outcome = await first
    }
    while (outcome.state === 'passing') outcome = await deliver(untilTaken)
    conclude(outcome)
    return outcome
  }

  private async atOnce(first: Promise<FinishOutcome>): Promise<FinishOutcome> {
    if (this.durable) return first
    return orAfter(first, atOnceMs, { clock: this.options.clock, instead: passing })
  }

  // A ledger that refuses it leaves it to the pod to ask again; we go on delivering all the same.
  private async written(): Promise<FinishOutcome> {
    await this.notAtOnce
    try {
      if (!this.durable) await (this.keeping ??= this.options.keep())
      this.durable = true
      return { state: 'done' }
    } catch (error) {
      this.keeping = undefined
      this.options.log.warn({ err: error }, "the pod's finish is not in the ledger")
      return passing
    }
  }
}
