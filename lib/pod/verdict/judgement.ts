import type {
  CoreV1Event,
  V1Job,
  V1Node,
  V1PersistentVolumeClaim,
  V1Pod,
} from '@kubernetes/client-node'

/** What a pod's status says of the run. */
export type Verdict = Waiting | { state: 'running' } | Over

/** A run whose pod may yet come to run its job. */
export interface Waiting {
  state: 'waiting'
  /** A short word for machines, Kubernetes' where it has one, such as `Unschedulable` or `ImagePullBackOff`. */
  reason: string
  /** What people read in the job's log while it lasts; it may have several lines. */
  message: string
}

/** Who can help: the author of the step (`job`), or who runs the cluster, or a retry (`cluster`). */
export type Fault = 'job' | 'cluster'

/** A run that its pod agent will not finish any more. */
export interface Over {
  state: 'over'
  /** A short word for machines, such as `OOMKilled` or `Evicted`. */
  cause: string
  fault: Fault
  /** What people read in the job's log; it may have several lines. */
  message: string
  /** The container's own where a container's end is the cause; -1 where there is none. */
  exitStatus: number
  /**
   * Upstream's words, so that a pipeline's `retry: automatic` can tell causes apart: `stack_error` for the cluster's
   * fault before the agent ran, `agent_stop` for the cluster's fault after, `process_run_error` for the job's fault
   * before its command ran; none where a container's own end is the cause.
   */
  signalReason?: 'agent_stop' | 'process_run_error' | 'stack_error'
  /** The signal that ended the container, such as `SIGKILL`. */
  signal?: string
  /** The containers whose last words tell more. */
  lastWordsOf?: readonly string[]
}

/** How long what may pass is borne, in milliseconds. */
export interface Limits {
  /** An image that can't be pulled, for a reason that is neither known to pass nor known to stay. */
  imagePullMs: number
  /** A pod that does not come to run its agent, whatever the reason, from its creation. */
  pendingMs: number
  /** A Job that has started and has no pod. */
  emptyJobMs: number
}

/** What is known of a run's Job and pod. */
export interface Seen {
  pod: V1Pod | undefined
  job: V1Job | undefined
  /** Milliseconds since 1970. */
  now: number
  limits: Limits
  /** Whether the run has had a pod before, so that none now means that it is gone. */
  podSeenBefore: boolean
  /** The claims that an unscheduled pod may be waiting for, as far as they have been looked at. */
  claims?: readonly SeenClaim[]
  /** The events about the pod, as far as they are known. */
  events?: readonly CoreV1Event[]
  /** The events about the Job, as far as they are known. */
  jobEvents?: readonly CoreV1Event[]
  /** The pod's node, when it has been looked at. */
  node?: V1Node | undefined
  /**
   * How long ago each container was first seen to have ended, in milliseconds, by its name: by one clock, whatever that
   * of the node says.
   */
  endsSeen?: ReadonlyMap<string, number>
  /** What the gateway knows of the pod agent. */
  agent?: {
    /** Milliseconds since its last call; undefined when it has not called yet. */
    silentMs: number | undefined
    /** Whether a chunk or a finish of its is under way, or was turned away and will come again. */
    writing: boolean
    /**
     * Milliseconds since it last asked for its job's state, which it does from the first container that connects until
     * the containers have ended, as far as it knows; `never` when it has surely not asked; undefined when nobody knows.
     */
    polledMs?: number | 'never' | undefined
  }
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
