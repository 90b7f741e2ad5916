import type { V1Pod } from '@kubernetes/client-node'
import type { GatewayState } from '../gateway/pod-call.js'
import type { Metrics } from '../metrics/metrics.js'
import { phaseNow, type RunTimes } from '../metrics/phases.js'
import { causeOf, type RunEnding } from '../metrics/runs.js'
import type { SlotState } from '../slots/slot-state.js'
import { version } from '../version.js'
import type { StatusEnded, StatusJob, StatusRun, StatusSnapshot, StatusSource } from './status.js'
import { warningsOf } from './warnings.js'

/** What is told of a run; `lib/run`'s runs are such. */
export interface ReportedRun {
  readonly jobId: string
  readonly jobName: string
  readonly buildUrl: string
  readonly label: string
  readonly payload: { env: Readonly<Record<string, string>> }
  readonly times: RunTimes
  /** Whether it has a Job. */
  readonly jobCreated: boolean
  /** Whether it has ended, or is being ended. */
  readonly over: boolean
  readonly podCalledAt: number | undefined
  readonly ending: RunEnding | undefined
}

/** What the status is read from. All of it is looked at for each page and each scrape, and none of it is kept. */
export interface StatusParts {
  instance: string
  /** Milliseconds since 1970. */
  now: () => number
  metrics: Metrics
  state: () => GatewayState
  /** Whether this process is leaving. */
  stopping: () => boolean
  /** Whether it has left what it had to the next process, which tells of that from then on. */
  left: () => boolean
  /** Whether it may write. */
  leaseHeld: () => boolean
  slots: () => Iterable<{ readonly state: SlotState }>
  /** Why no job can be taken, when that is so. */
  unusable: () => string | undefined
  /** The runs that go on. */
  runs: () => Iterable<ReportedRun>
  /** The pod of a job's run, as the watch knows it. */
  podOf: (jobId: string) => V1Pod | undefined
  /** What a job's run waits for, in words. */
  waitingFor: (jobId: string) => string | undefined
  /** When each watch was last proved current, in milliseconds since 1970; 0 for never. */
  freshness: () => Iterable<{ readonly watch: string; readonly lastFresh: number }>
  ledgerPages: () => number
  /** Calls of pods that wait at the gateway. */
  heldCalls: () => number
}

const mostEnded = 20
const mostWords = 600

/** The program's state for people and for the gauges, and the memory of the runs that ended last. */
export class SpawnerStatus implements StatusSource {
  private readonly ended: StatusEnded[] = []
  private readonly startedAt: Date

  constructor(private readonly parts: StatusParts) {
    this.startedAt = new Date(parts.now())
    const { left, leaseHeld, heldCalls, ledgerPages, freshness } = parts
    parts.metrics.readFrom({
      slots: () => (left() ? [] : parts.slots()),
      leaseHeld,
      heldCalls,
      ledgerPages: () => (left() ? 0 : ledgerPages()),
      freshness,
      leading: () => parts.state() === 'leading' && !left(),
      runPhases: () => this.runs().map(run => this.phase(run).phase),
    })
  }

  /** A run has ended: it is counted, and remembered as one of the last. */
  runEnded(run: ReportedRun): void {
    const { metrics, now, podOf } = this.parts
    const { ending, times } = run
    if (!ending) return
    metrics.runs.ended({ ending, times, pod: podOf(run.jobId) })
    const endedAt = new Date(times.endedAt ?? now())
    this.ended.unshift({
      ...jobOf(run),
      ...causeOf(ending),
      by: ending.by,
      exitStatus: ending.exitStatus,
      endedAt,
      seconds: Math.max(0, (endedAt.getTime() - times.acceptedAt) / 1_000),
    })
    this.ended.splice(mostEnded)
  }

  snapshot(): StatusSnapshot {
    const { instance, now, metrics, heldCalls, ledgerPages, freshness } = this.parts
    const at = now()
    const state = this.parts.stopping() ? 'stopping' : this.parts.state()
    const { answeredAt, failingSince, failures } = metrics.upstream.health
    const snapshot = {
      at: new Date(at),
      instance,
      version,
      state,
      since: dateOf(metrics.lease.takenAt) ?? this.startedAt,
      lease: { held: this.parts.leaseHeld(), renewalAgeSeconds: metrics.lease.age },
      slots: this.slots(),
      runs: this.runs()
        .map(run => this.run(run))
        .toSorted((a, b) => a.since.getTime() - b.since.getTime()),
      ended: [...this.ended],
      watches: [...freshness()].map(({ watch, lastFresh }) => ({
        watch,
        ageSeconds: lastFresh > 0 ? Math.max(0, at - lastFresh) / 1_000 : undefined,
      })),
      ledger: { pages: ledgerPages() },
      upstream: { answeredAt: dateOf(answeredAt), failingSince: dateOf(failingSince), failures },
      gateway: { heldCalls: heldCalls() },
    } satisfies Omit<StatusSnapshot, 'warnings'>
    return { ...snapshot, warnings: warningsOf(snapshot, this.parts.unusable()) }
  }

  private runs(): ReportedRun[] {
    return this.parts.left() ? [] : [...this.parts.runs()]
  }

  private slots(): Record<SlotState, number> {
    const counts = { down: 0, idle: 0, pinging: 0, busy: 0, stopped: 0 }
    for (const { state } of this.parts.left() ? [] : this.parts.slots()) counts[state] += 1
    return counts
  }

  private phase(run: ReportedRun, pod = this.parts.podOf(run.jobId)) {
    const { over, podCalledAt, jobCreated: jobMade } = run
    return phaseNow(run.times, { pod, jobMade, over, podCalled: podCalledAt !== undefined })
  }

  private run(run: ReportedRun): StatusRun {
    const pod = this.parts.podOf(run.jobId)
    const { phase, since } = this.phase(run, pod)
    // An agent begins its job before the containers that it leads are there.
    const waitingFor = phase === 'ending' ? undefined : this.parts.waitingFor(run.jobId)
    return {
      ...jobOf(run),
      phase,
      since: new Date(since),
      acceptedAt: new Date(run.times.acceptedAt),
      jobName: run.jobName,
      podName: pod?.metadata?.name,
      node: pod?.spec?.nodeName,
      waitingFor: waitingFor?.slice(0, mostWords),
    }
  }
}

// Field by field: what else a run has, its tokens and its job's env among it, is not for this page.
function jobOf({ jobId, buildUrl, label, payload }: ReportedRun): StatusJob {
  return { jobId, buildUrl, label, pipeline: payload.env['BUILDKITE_PIPELINE_SLUG'] ?? '' }
}

function dateOf(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms)
}
