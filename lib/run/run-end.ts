import type { Clock } from '../clock.js'
import type { FinishOutcome, PodFinish } from '../gateway/gateway-run.js'
import type { ToldRecord } from '../ledger/record.js'
import type { Log } from '../log.js'
import { closeRun } from './closing.js'
import { deliverFinish, type DeliveryContext } from './delivery.js'
import { amended, reportedStatus, type Cause, type Ending, type Told } from './ending.js'
import type { Journal } from './journal.js'
import { ReportedFinish } from './reported-finish.js'
import type { RunMemory } from './run-memory.js'
import { placed, tell } from './told.js'

/** What the end of a run needs of it. */
export interface RunEndOptions {
  memory: RunMemory
  journal: Journal
  delivery: () => DeliveryContext
  /** Aborted when the run has ended, or is left to the next process. */
  signal: AbortSignal
  explain: ((reported: PodFinish) => Promise<Told | undefined>) | undefined
  /** What a job that its pod was told to stop has come to, in one word. */
  stopWord: () => string
  /** Whether no pod can have written to the log, when that is the cause. */
  podNeverRan: (cause: Cause) => boolean
  /** Whether an earlier process may have written to the log. */
  restored: boolean
  /** Called once, when the run has ended. */
  onEnded: (ending: Ending) => void
  clock: Clock
  log: Log
}

/** How a run ends, once: its pod reports, or we close it, or upstream has ended it. */
export class RunEnd {
  ending: Ending | undefined
  private closing: boolean
  private reported: ReportedFinish | undefined
  private ours: Promise<void> | undefined

  constructor(private readonly options: RunEndOptions) {
    // What an earlier process had begun to write behind the pod's lines, the pod must not write over.
    this.closing = options.memory.state.closing !== undefined
  }

  /** Whether the run has ended, or is being ended: nothing of the pod's goes upstream any more. */
  get over(): boolean {
    return this.ending !== undefined || this.closing || this.letGo
  }

  /** Whether the pod has been let go, its finish being ours to deliver. */
  get letGo(): boolean {
    return this.reported?.durable ?? false
  }

  /** Whether the pod has reported, and upstream has not taken it yet. */
  get reporting(): boolean {
    return this.ending === undefined && this.reported !== undefined
  }

  /** The pod reports; what it is to be told. */
  async fromPod(reported: PodFinish): Promise<FinishOutcome> {
    if (this.ending || this.closing) return { state: 'over' }
    if (this.options.signal.aborted) return { state: 'passing' }
    this.reported ??= this.report(reported)
    return this.reported.forPod()
  }

  /** Goes on delivering what a pod has reported to an earlier process; false when it has reported nothing. */
  resumeReported(): boolean {
    const { reported, told } = this.options.memory.state
    if (!reported) return false
    this.reported ??= this.deliverReported(Promise.resolve({ body: reported, told }), {
      lines: this.tell(told),
      durable: true,
    })
    return true
  }

  /** We end it, unless it has ended; what the pod has reported goes before what we conclude. */
  async close(cause: Cause): Promise<void> {
    if (this.ending || this.options.signal.aborted) return
    // As long as upstream does not take it: nobody else knows the exit status.
    if (this.reported) return void (await this.reported.delivered)
    this.ours ??= this.closeNow(cause)
    await this.ours
  }

  /** Upstream has ended it without us. */
  endedUpstream(why: string): void {
    this.conclude({ by: 'upstream', exitStatus: undefined, cause: why })
  }

  // The lines are durable with the finish, so that they are in the log also when it is delivered by the next process.
  private report(reported: PodFinish): ReportedFinish {
    const report = this.explained(reported)
    const lines = report.then(({ told }) => this.tell(told))
    lines.catch(() => undefined)
    return this.deliverReported(report, { lines, durable: false })
  }

  private deliverReported(
    report: Promise<Report>,
    { lines, durable }: { lines: Promise<void>; durable: boolean },
  ): ReportedFinish {
    const { memory, journal, delivery, clock, log } = this.options
    let known: Report | undefined
    return new ReportedFinish({
      deliver: async policy => {
        // A line that is being said comes before the finish, and none after it.
        await journal.seal()
        known = await report
        await lines
        await journal.settled()
        return deliverFinish(known.body, policy, delivery())
      },
      keep: async () => memory.keep({ reported: (await report).body }),
      conclude: outcome => known && this.concludeReported(known, outcome),
      durable,
      clock,
      log,
    })
  }

  private concludeReported({ body, told }: Report, outcome: FinishOutcome): void {
    if (outcome.state === 'done') {
      const cancelled = body['signal_reason'] === 'cancel'
      const { cause = cancelled ? this.options.stopWord() : undefined, fault } = told ?? {}
      this.conclude({
        by: 'pod',
        exitStatus: reportedStatus(body),
        ...(cause !== undefined && { cause }),
        ...(fault !== undefined && { fault }),
        ...(cancelled && { cancelled }),
      })
    } else if (outcome.state === 'refused') {
      this.endedUpstream(`finish refused: ${outcome.status}`)
    }
  }

  // A kill that the pod's agent has not seen is put right before anything is durable or sent.
  private async explained(reported: PodFinish): Promise<Report> {
    const { memory, log, explain } = this.options
    const known = await explain?.(reported).catch((error: unknown) => {
      log.warn({ err: error }, "what the cluster knows of the pod's end is not known")
      return undefined
    })
    const body = amended(reported, known)
    const told = known && (await placed(known, this.options))
    memory.note({ reported: body, ...(told && { told }) })
    return { body, told }
  }

  private async tell(told: ToldRecord | undefined): Promise<void> {
    const { journal, delivery } = this.options
    if (told) await tell(told, { journal, delivery: delivery() })
  }

  private async closeNow(cause: Cause): Promise<void> {
    this.closing = true
    // A job that is cancelled before its start has had no first lines yet.
    if (!this.options.restored) this.options.journal.begin()
    const { journal, delivery, clock, log, memory, podNeverRan } = this.options
    const closed = await closeRun(cause, {
      journal,
      delivery: delivery(),
      clock,
      log,
      written: memory.state.closing,
      keep: closing => memory.keep({ closing }),
      podNeverRan: podNeverRan(cause),
    })
    const { cause: word, exitStatus, fault } = closed.cause
    if (closed.outcome.state === 'done') {
      const whose = fault === undefined ? {} : { fault }
      this.conclude({ by: 'spawner', exitStatus, cause: word, ...whose })
    } else this.endedUpstream('finish refused')
  }

  private conclude(ending: Ending): void {
    if (this.ending) return
    this.ending = ending
    this.options.log.info({ ...ending }, 'run ended')
    this.options.onEnded(ending)
  }
}

/** A pod's finish as it goes upstream, and what was told of it. */
interface Report {
  body: PodFinish
  told?: ToldRecord | undefined
}
