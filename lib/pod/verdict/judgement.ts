import type { CoreV1Event, V1Job, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node'
import { agentStarted, outOfMemory } from './status.js'

/** What a pod's status says of the run. */
export type Verdict =
  { state: 'waiting'; reason: string; message: string } | { state: 'running' } | Over

/** A run that its pod agent will not finish any more. */
export interface Over {
  state: 'over'
  /** A short word for machines, such as `OOMKilled` or `Evicted`. */
  cause: string
  /** What people read in the job's log; it may have several lines. */
  message: string
  /** -1 where the cluster is the cause. */
  exitStatus: number
  /** Upstream's words: `stack_error` when the pod agent never started, else `agent_stop`. */
  signalReason?: 'agent_stop' | 'process_run_error' | 'stack_error'
  /** The signal that ended the pod agent, such as `SIGKILL`. */
  signal?: string
}

/** What is known of a run's Job and pod. */
export interface Seen {
  pod: V1Pod | undefined
  job: V1Job | undefined
  /** Milliseconds since 1970. */
  now: number
  /** Whether the run has had a pod before, so that none now means that it is gone. */
  podSeenBefore: boolean
  /** The claims that an unscheduled pod may be waiting for, as far as they have been looked at. */
  claims?: readonly SeenClaim[]
  /** The events about a Job without a pod, as far as they have been looked at. */
  jobEvents?: readonly CoreV1Event[]
}

/** A volume of a pod that is a PersistentVolumeClaim's, and the claim's name. */
export interface PodClaim {
  volume: string
  name: string
  /** Whether Kubernetes makes the claim for this pod. */
  ephemeral: boolean
}

/** What the API server knows of such a claim. */
export interface SeenClaim extends PodClaim {
  /** Undefined when there is none of that name. */
  object: V1PersistentVolumeClaim | undefined
  /** The events about whatever has that name. */
  events: readonly CoreV1Event[]
}

/** One way to come to a verdict; undefined where it has none. */
export type Rule = (seen: Seen) => Verdict | undefined

/** The end of a run for which the cluster is to blame, with what else people should know of the pod. */
export function over(end: {
  cause: string
  message: string
  pod: V1Pod | undefined
  signal?: string | undefined
}): Over {
  const { cause, message, pod, signal } = end
  return {
    state: 'over',
    cause,
    message: lines(message, ...(pod ? outOfMemory(pod).map(memoryText) : [])),
    exitStatus: -1,
    // Of a pod that is gone nobody knows whether its agent had started; it was told to stop if it had.
    signalReason: pod && !agentStarted(pod) ? 'stack_error' : 'agent_stop',
    ...(signal === undefined ? {} : { signal }),
  }
}

/** The texts that there are, each on lines of its own. */
export function lines(...texts: (string | undefined)[]): string {
  return texts
    .map(text => text?.trim())
    .filter(Boolean)
    .join('\n')
}

/** The newest of events. */
export function newestOf(events: readonly CoreV1Event[]): CoreV1Event | undefined {
  return events.toSorted((a, b) => timeOf(b) - timeOf(a))[0]
}

function timeOf({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const time =
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata?.creationTimestamp ?? 0
  return new Date(time).getTime()
}

function memoryText(name: string): string {
  return `Container ${name} used more memory than its limit and was killed (OOMKilled).`
}
