import { isOver } from './lifecycle.js'
import type { BuildRecord, CommandStepRecord, JobRecord, StepRecord } from './records.js'

/** Whether the jobs of a step may be scheduled: yes, not yet, or never because what they wait for has failed. */
export type Gate = 'open' | 'closed' | 'broken'

/** The states of a build. */
export type BuildState =
  'scheduled' | 'running' | 'failing' | 'canceling' | 'passed' | 'failed' | 'canceled'

/**
 * The gate before a step: its `depends_on` when it has one, else all steps before the nearest `wait` above it. A step
 * with `depends_on` does not wait for any `wait`.
 */
export function gateOf(build: BuildRecord, record: StepRecord): Gate {
  const index = build.steps.indexOf(record)
  const { step } = record
  if (step.kind === 'command' && step.dependsOn !== undefined) {
    return combined(
      step.dependsOn.map(({ step: key, allowFailure }) => dependencyGate(build, key, allowFailure)),
    )
  }
  const wait = build.steps.slice(0, index).findLastIndex(before => before.step.kind === 'wait')
  const found = build.steps[wait]
  if (!found || found.step.kind !== 'wait') return 'open'
  const { continueOnFailure } = found.step
  return combined(build.steps.slice(0, wait).map(before => stepGate(before, continueOnFailure)))
}

function dependencyGate(build: BuildRecord, key: string, allowFailure: boolean): Gate {
  const wanted = build.steps.find(other => other.step.key === key || other.id === key)
  if (!wanted) return 'closed'
  if (wanted.step.kind === 'command') return stepGate(wanted, allowFailure)
  const before = build.steps.slice(0, build.steps.indexOf(wanted))
  return combined(before.map(other => stepGate(other, allowFailure || isForgiving(wanted))))
}

function isForgiving(record: StepRecord): boolean {
  return record.step.kind === 'wait' && record.step.continueOnFailure
}

function stepGate(record: StepRecord, allowFailure: boolean): Gate {
  if (record.step.kind === 'wait') return 'open'
  const jobs = currentJobs(record)
  if (!jobs.every(job => isOver(job.state))) return 'closed'
  return allowFailure || jobs.every(job => hasPassed(job) || isForgiven(job)) ? 'open' : 'broken'
}

function combined(gates: readonly Gate[]): Gate {
  if (gates.includes('broken')) return 'broken'
  return gates.includes('closed') ? 'closed' : 'open'
}

/** The jobs of a step without those that were run again. */
export function currentJobs(record: StepRecord): JobRecord[] {
  return record.jobs.filter(job => job.retriedIn === undefined)
}

/** All jobs of a build in the order of its steps. */
export function jobsOf(build: BuildRecord): JobRecord[] {
  return build.steps.flatMap<JobRecord>(record => record.jobs)
}

/** Whether a job ended with exit status 0. */
export function hasPassed(job: JobRecord): boolean {
  return job.state === 'finished' && job.exitStatus === 0
}

function isForgiven(job: JobRecord): boolean {
  return job.step.step.softFail && job.state === 'finished'
}

/** The state of a build, which is that of its jobs. */
export function buildState(build: BuildRecord): BuildState {
  const jobs = build.steps.flatMap<JobRecord>(currentJobs)
  const failed = jobs.some(job => isOver(job.state) && !hasPassed(job) && !isForgiven(job))
  if (jobs.every(job => isOver(job.state))) {
    return build.canceled ? 'canceled' : failed ? 'failed' : 'passed'
  }
  if (build.canceled) return 'canceling'
  if (failed) return 'failing'
  return jobs.every(job => ['pending', 'scheduled'].includes(job.state)) ? 'scheduled' : 'running'
}

/** What became of a step, as `step get outcome` says it. */
export function stepOutcome(record: CommandStepRecord): string {
  const jobs = currentJobs(record)
  if (!jobs.every(job => isOver(job.state))) return 'neutral'
  if (jobs.every(hasPassed)) return 'passed'
  if (jobs.every(job => hasPassed(job) || isForgiven(job))) return 'soft_failed'
  return jobs.some(job => job.state === 'finished' || job.state === 'timed_out')
    ? 'hard_failed'
    : 'errored'
}

/** Whether a failed job is run again by a rule of its step. */
export function shouldRetry(job: JobRecord): boolean {
  if (job.state !== 'finished' || hasPassed(job) || job.build.canceled) return false
  return job.step.step.retry.some(
    rule =>
      (rule.exitStatus === '*' || rule.exitStatus === job.exitStatus) &&
      job.retryCount < rule.limit,
  )
}

/** Whether an agent may be given a job: each rule of its step is one of the agent's tags, or has the value `*`. */
export function fitsAgent(
  rules: readonly string[],
  tags: readonly string[],
  defaultQueue: string,
): boolean {
  const queue = (list: readonly string[]) =>
    list.some(tag => tag.startsWith('queue=')) ? list : [...list, `queue=${defaultQueue}`]
  const offered = queue(tags)
  return queue(rules).every(rule =>
    rule.endsWith('=*')
      ? offered.some(tag => tag.startsWith(rule.slice(0, -1)))
      : offered.includes(rule),
  )
}
