import type { V1Pod } from '@kubernetes/client-node'
import { causes as verdictCauses } from '../pod/verdict/causes.js'
import type { Instruments } from './instruments.js'
import { phasesOf, runPhases, type RunTimes } from './phases.js'

/** How a run ended, as `lib/run` knows it. */
export interface RunEnding {
  by: 'pod' | 'spawner' | 'upstream'
  exitStatus: number | undefined
  cause?: string | undefined
  fault?: 'job' | 'cluster' | undefined
}

/** A run that has ended. */
export interface RunEnded {
  ending: RunEnding
  times: RunTimes
  /** Its pod as it was seen last. */
  pod: V1Pod | undefined
}

/** A cause and whose fault it is, as the metrics and the status page have them. */
export interface CauseLabels {
  cause: string
  fault: 'job' | 'cluster' | 'none'
}

/** How runs end that nothing went wrong with, or that we know nothing more of. */
const plain = [
  { cause: 'Passed', fault: 'none', ended_by: 'pod' },
  { cause: 'Failed', fault: 'job', ended_by: 'pod' },
  { cause: 'JobCancelled', fault: 'none', ended_by: 'pod' },
  { cause: 'JobCancelled', fault: 'none', ended_by: 'spawner' },
  { cause: 'JobTimedOut', fault: 'none', ended_by: 'pod' },
  { cause: 'JobTimedOut', fault: 'none', ended_by: 'spawner' },
  { cause: 'JobNotRun', fault: 'job', ended_by: 'spawner' },
  { cause: 'JobNotRun', fault: 'cluster', ended_by: 'spawner' },
  { cause: 'LedgerRefused', fault: 'cluster', ended_by: 'upstream' },
  { cause: 'EndedUpstream', fault: 'none', ended_by: 'upstream' },
] as const

const phaseBuckets = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600]
const wholeBuckets = [1, 2, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400]

// The causes are the program's own words and, where Kubernetes has one, Kubernetes': a new kind of cluster may bring new
// ones, but nobody who sets a pod's status may fill our memory with them.
const mostCauses = 100

/** The runs that have ended. */
export class RunMetrics {
  private readonly ends
  private readonly phases
  private readonly whole
  private readonly containers
  private readonly causes = new Set<string>()

  constructor(make: Instruments) {
    this.ends = make.counter<'cause' | 'fault' | 'ended_by'>(
      'runs_ended_total',
      'Runs that have ended, by cause, by whose fault it was, and by who told Buildkite.',
      { cause: [], fault: [], ended_by: [] },
    )
    for (const one of plain) this.count(one, 0)
    for (const [cause, { fault }] of Object.entries(verdictCauses))
      for (const ended_by of ['spawner', 'pod']) this.count({ cause, fault, ended_by }, 0)
    this.phases = make.histogram(
      'run_phase_duration_seconds',
      'How long runs were in each phase that they left for the next one.',
      { buckets: phaseBuckets, labels: { phase: runPhases } },
    )
    this.containers = make.histogram(
      'pod_containers_start_duration_seconds',
      "From a pod's node to the start of its last container, by when all its images are pulled.",
      { buckets: phaseBuckets },
    )
    this.whole = make.histogram('run_duration_seconds', 'From accept to the end of a run.', {
      buckets: wholeBuckets,
    })
  }

  /** A run has ended. */
  ended({ ending, times, pod }: RunEnded): void {
    this.count({ ...causeOf(ending), ended_by: ending.by }, 1)
    const { phases, containers, whole } = phasesOf(times, pod)
    for (const phase of runPhases) {
      const took = phases[phase]
      if (took !== undefined) this.phases.observe({ phase }, took)
    }
    if (containers !== undefined) this.containers.observe(containers)
    if (whole !== undefined) this.whole.observe(whole)
  }

  private count(labels: CauseLabels & { ended_by: string }, by: number): void {
    const isNew = !this.causes.has(labels.cause)
    const cause = isNew && this.causes.size >= mostCauses ? 'Other' : labels.cause
    this.causes.add(cause)
    this.ends.inc({ ...labels, cause }, by)
  }
}

/**
 * The cause of an end in one word. A pod that reports by itself has passed or failed; what Buildkite ended without us,
 * and why a job was not run at all, is told in a sentence, which is no label.
 */
export function causeOf(ending: RunEnding): CauseLabels {
  const cause = wordOf(ending)
  return { cause, fault: ending.fault ?? faults[cause] ?? 'none' }
}

const faults: Readonly<Record<string, CauseLabels['fault']>> = {
  ...Object.fromEntries(Object.entries(verdictCauses).map(([cause, { fault }]) => [cause, fault])),
  Failed: 'job',
  LedgerRefused: 'cluster',
}

function wordOf({ by, exitStatus, cause }: RunEnding): string {
  if (cause !== undefined && /^[A-Z][A-Za-z0-9]{0,47}$/.test(cause)) return cause
  // Nobody has started it: Buildkite gives it out anew.
  if (by === 'upstream') return cause === 'not in the ledger' ? 'LedgerRefused' : 'EndedUpstream'
  if (by === 'spawner') return cause?.startsWith('job not run') ? 'JobNotRun' : 'Other'
  return exitStatus === 0 ? 'Passed' : 'Failed'
}
