import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import { timeOf } from '../pod/verdict/words.js'

/** The times of a run, in milliseconds since 1970; those that are not known are absent. */
export interface RunTimes {
  acceptedAt: number
  /** The Job was made. */
  jobCreatedAt?: number | undefined
  /** The pod agent came to the gateway. */
  connectedAt?: number | undefined
  /** The pod agent started the job. */
  startedAt?: number | undefined
  endedAt?: number | undefined
}

/**
 * What a run goes through, in this order: it has no Job yet, its pod has no node, its pod is made ready on a node (images
 * pulled, containers started), its agent gets the job, the job runs.
 */
export const runPhases = ['accepted', 'unscheduled', 'preparing', 'connected', 'running'] as const

export type RunPhase = (typeof runPhases)[number]

/** Where a run is now: in a phase, or its end is being delivered to Buildkite. */
export const openPhases = [...runPhases, 'ending'] as const

export type OpenPhase = (typeof openPhases)[number]

/** How long each phase took, in seconds. One whose beginning or end is not known is left out. */
export interface Phases {
  phases: Partial<Record<RunPhase, number>>
  /** From the pod's node to the start of its last container: all images are pulled then. The agent may run earlier. */
  containers?: number
  /** From accept to the end. */
  whole?: number
}

/**
 * The phases of a run from its times and its pod's status. Kubernetes' times are whole seconds of another machine's
 * clock, so what would be less than nothing is 0. A phase that the run did not leave for the next one is left out: how
 * such a run ended is told by its cause.
 */
export function phasesOf(times: RunTimes, pod: V1Pod | undefined): Phases {
  const { acceptedAt, jobCreatedAt, connectedAt, startedAt, endedAt } = times
  const scheduledAt = pod && scheduled(pod)
  const milestones = [acceptedAt, jobCreatedAt, scheduledAt, connectedAt, startedAt, endedAt]
  const phases: Partial<Record<RunPhase, number>> = {}
  runPhases.forEach((phase, index) => {
    const took = seconds(milestones[index], milestones[index + 1])
    if (took !== undefined) phases[phase] = took
  })
  return {
    phases,
    containers: seconds(scheduledAt, pod && lastStart(pod)),
    whole: seconds(acceptedAt, endedAt),
  }
}

/** What is seen of a run that goes on. */
export interface RunSigns {
  pod: V1Pod | undefined
  /** Whether it has a Job. */
  jobMade: boolean
  /** Whether it is being ended. */
  over: boolean
  podCalled: boolean
}

/**
 * Where a run is now, and since when (milliseconds since 1970). Of one that an earlier process took nobody knows when its
 * Job was made, and when its agent came and started: it runs when its pod has called.
 */
export function phaseNow(
  times: RunTimes,
  { pod, jobMade, over, podCalled }: RunSigns,
): { phase: OpenPhase; since: number } {
  const scheduledAt = pod && scheduled(pod)
  const { acceptedAt, jobCreatedAt, connectedAt, startedAt, endedAt } = times
  const reached: [OpenPhase, number | undefined][] = [
    ['running', startedAt],
    ['connected', connectedAt],
    ['running', podCalled ? (scheduledAt ?? acceptedAt) : undefined],
    ['preparing', scheduledAt],
    ['unscheduled', jobCreatedAt],
    ['unscheduled', jobMade ? (timeOf(pod?.metadata?.creationTimestamp) ?? acceptedAt) : undefined],
    ['accepted', acceptedAt],
  ]
  const [phase, since] = reached.find(([, at]) => at !== undefined) ?? ['accepted', acceptedAt]
  const began = since ?? acceptedAt
  return over ? { phase: 'ending', since: endedAt ?? began } : { phase, since: began }
}

/** When the pod got its node. */
function scheduled({ status }: V1Pod): number | undefined {
  const condition = status?.conditions?.find(
    ({ type, status: is }) => type === 'PodScheduled' && is === 'True',
  )
  return pastTime(condition?.lastTransitionTime)
}

/** When the last of the pod's containers started; undefined while one has not. */
function lastStart({ spec, status }: V1Pod): number | undefined {
  const started = (status?.containerStatuses ?? []).map(startOf)
  const all = started.filter(at => at !== undefined)
  if (all.length === 0 || all.length < (spec?.containers.length ?? started.length)) return undefined
  return Math.max(...all)
}

function startOf({ state }: V1ContainerStatus): number | undefined {
  return pastTime(state?.running?.startedAt ?? state?.terminated?.startedAt)
}

// A container that never ran has the zero time of Go.
function pastTime(time: Date | string | undefined): number | undefined {
  const at = timeOf(time)
  return at !== undefined && at > 0 ? at : undefined
}

function seconds(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, (to - from) / 1_000)
}
