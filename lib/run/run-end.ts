import type { Clock } from '../clock.js'
import type { FinishOutcome, PodFinish } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import type { Reason } from '../pod/verdict/reasons.js'
import { closeRun } from './closing.js'
import { annotateCause, deliverFinish, type DeliveryContext } from './delivery.js'
import { reportedStatus, type Cause, type Ending } from './ending.js'
import type { Journal } from './journal.js'
import { closingLines, logText } from './log-lines.js'
import { ReportedFinish } from './reported-finish.js'
import type { RunState } from './run-options.js'
import { wasStopped } from './stop-reason.js'

/** What the end of a run needs of it. */
export interface RunEndOptions {
  state: () => RunState
  /** Makes a change of the state durable. */
  keep: (change: Partial<RunState>) => Promise<void>
  /** A change of the state that costs no write. */
  note: (change: Partial<RunState>) => void
  journal: Journal
  delivery: () => DeliveryContext
  /** Aborted when the run has ended, or is left to the next process. */
  signal: AbortSignal
  stopReason: (() => Promise<Reason | undefined>) | undefined
  /** Whether no pod can have written to the log, when that is the cause. */
  podNeverRan: (cause: Cause) => boolean
  /** Called once, when the run has ended. */
  onEnded: (ending: Ending) => void
  clock: Clock
  log: Log
}

// A pod that was told to stop waits for our answer, and its time is nearly over.
const stoppedPatienceMs = 5_000

/** How a run ends, once: its pod reports, or we close it, or upstream has ended it. */
export class RunEnd {
  ending: Ending | undefined
  private closing: boolean
  private reported: ReportedFinish | undefined
  private ours: Promise<void> | undefined
  private stopTold: Promise<void> | undefined

  constructor(private readonly options: RunEndOptions) {
    // What an earlier process had begun to write behind the pod's lines, the pod must not write over.
    this.closing = options.state().closing !== undefined
  }

  /** Whether the run has ended, or is being ended: nothing of the pod's goes upstream any more. */
  get over(): boolean {
    return this.ending !== undefined || this.closing || this.letGo
  }

  /** Whether the pod has been let go, its finish being ours to deliver. */
  get letGo(): boolean {
    return this.reported?.durable ?? false
  }

  /** The pod reports; what it is to be told. */
  async fromPod(reported: PodFinish): Promise<FinishOutcome> {
    if (this.ending || this.closing) return { state: 'over' }
    if (this.options.signal.aborted) return { state: 'passing' }
    this.reported ??= this.report(reported, false)
    return this.reported.forPod()
  }

  /** Goes on delivering what a pod has reported to an earlier process; false when it has reported nothing. */
  resumeReported(): boolean {
    const { reported } = this.options.state()
    if (!reported) return false
    this.reported ??= this.report(reported, true)
    return true
  }

  /** We end it, unless it has ended; what the pod has reported goes before what we conclude. */
  async close(cause: Cause): Promise<void> {
    if (this.ending || this.options.signal.aborted) return
    // As long as upstream does not take it: nobody else knows the exit status.
    if (this.reported) return void (await this.reported.delivered)
    if (this.ours) return
    this.ours = this.closeNow(cause)
    await this.ours
  }

  /** Upstream has ended it without us. */
  endedUpstream(why: string): void {
    this.conclude({ by: 'upstream', exitStatus: undefined, cause: why })
  }

  private report(reported: PodFinish, durable: boolean): ReportedFinish {
    const { note, keep, journal, delivery, clock, log } = this.options
    note({ reported })
    return new ReportedFinish({
      deliver: async policy => {
        if (!durable && wasStopped(reported)) await (this.stopTold ??= this.sayWhyStopped())
        await journal.settled()
        return deliverFinish(reported, policy, delivery())
      },
      keep: () => keep({ reported }),
      conclude: outcome => this.concludeReported(reported, outcome),
      durable,
      clock,
      log,
    })
  }

  private concludeReported(reported: PodFinish, outcome: FinishOutcome): void {
    if (outcome.state === 'done') {
      this.conclude({ by: 'pod', exitStatus: reportedStatus(reported) })
    } else if (outcome.state === 'refused') {
      this.endedUpstream(`finish refused: ${outcome.status}`)
    }
  }

  // The pod agent finishes by itself then, and can't know why. Its last chunk is in the log already, unless the answer
  // to it was lost.
  private async sayWhyStopped(): Promise<void> {
    const { journal, delivery, clock, log, stopReason } = this.options
    const found = await stopReason?.()
    if (found === undefined) return
    log.warn({ cause: found.cause }, 'pod stopped by the cluster')
    await journal.seal()
    await journal.quiet(stoppedPatienceMs, clock)
    const place = journal.position
    if (place === undefined) return annotateCause(found, delivery())
    const text = logText(closingLines(found.cause, found.message), clock.now())
    journal.send({ text, sequence: place.sequence + 1, offset: place.offset })
  }

  private async closeNow(cause: Cause): Promise<void> {
    this.closing = true
    const { journal, delivery, clock, log, state, keep, podNeverRan } = this.options
    const closed = await closeRun(cause, {
      journal,
      delivery: delivery(),
      clock,
      log,
      written: state().closing,
      keep: closing => keep({ closing }),
      podNeverRan: podNeverRan(cause),
    })
    const { cause: word, exitStatus } = closed.cause
    if (closed.outcome.state === 'done') this.conclude({ by: 'spawner', exitStatus, cause: word })
    else this.endedUpstream('finish refused')
  }

  private conclude(ending: Ending): void {
    if (this.ending) return
    this.ending = ending
    this.options.log.info({ ...ending }, 'run ended')
    this.options.onEnded(ending)
  }
}
