import type { Fault } from './judgement.js'

/**
 * How a cause is told upstream: `own`, the container's exit code and signal and no signal_reason; `never-ran`, -1 and
 * `process_run_error`; `stopped`, the same, but `agent_stop` when the agent has run; `cluster`, -1 and `stack_error`, or
 * `agent_stop` when the agent has run; `none`, what the pod's own finish says.
 */
export type Words = 'own' | 'never-ran' | 'stopped' | 'cluster' | 'none'

/** What a cause says of whom. */
export interface CauseEntry {
  fault: Fault
  words: Words
  /** What happened, in one line. */
  about: string
}

/** Every cause of a verdict or an explanation. docs/verdicts.md has a row for each; a test holds both together. */
export const causes = {
  OOMKilled: job('own', 'a container used more memory than its limit'),
  NodeOutOfMemory: cluster(
    'own',
    'the node ran out of memory and killed a container without limit',
  ),
  ContainerKilled: cluster('own', 'somebody or something outside the step killed a container'),
  ProbeFailed: job('own', 'a container was killed because its probe failed'),
  ContainerFailed: job('own', 'a container ended with an error that the agent has not noticed'),
  ContainerCannotRun: job('never-ran', 'the runtime could not start the program of a container'),
  ExitedBeforeConnecting: job('never-ran', 'a container ended before it connected to the agent'),
  NeverConnected: cluster('none', 'a container runs, and has not connected to the agent'),
  LostContact: cluster('none', 'a container runs, and the agent has lost contact with it'),
  BootstrapKilled: cluster('none', 'a signal ended the bootstrap in a container'),

  AgentExited: cluster('cluster', 'the agent ended without finishing the job'),
  AgentKilled: cluster('cluster', 'a signal ended the agent'),
  NodeRestarted: cluster('cluster', 'the node restarted, and the pod did not live through it'),
  AgentOutOfMemory: cluster('cluster', 'the agent itself was killed for lack of memory'),
  AgentNotStarted: cluster('cluster', 'the runtime could not start the agent'),

  InitFailed: job('never-ran', 'an init container of the step failed'),
  CopyAgentFailed: cluster('cluster', 'the init container that copies the agent failed'),
  SidecarCrash: job(
    'never-ran',
    'a sidecar crashes again and again, and keeps the pod from starting',
  ),

  ImageName: job('never-ran', 'an image has no valid name'),
  ImageNeverPull: job('never-ran', 'an image is not on the node and may not be pulled'),
  ImageNotFound: job('never-ran', 'the registry has no such image'),
  ImageForbidden: job('never-ran', 'the registry does not give the image to this pod'),
  ImagePlatform: job('never-ran', "the image is not made for the node's platform"),
  ImageSignature: job('never-ran', "the image's signature is not what the cluster asks for"),
  ImagePull: cluster('cluster', 'an image could not be pulled, for a reason that we do not know'),
  AgentImage: cluster('cluster', 'the image of the agent cannot be had'),

  ConfigMissing: job('never-ran', 'there is no such Secret or ConfigMap'),
  ConfigKeyMissing: job('never-ran', 'the Secret or ConfigMap has no such key'),
  RunAsNonRoot: job('never-ran', 'the container may not run as root, and its image would'),
  ContainerConfig: job('never-ran', 'the kubelet can make no container of what the step says'),
  ContainerCreate: cluster('cluster', 'the runtime could not create a container'),
  VolumeMount: job('never-ran', 'a volume cannot be mounted as the step says'),
  VolumeClaim: job('never-ran', 'a PersistentVolumeClaim has no storage and will get none'),

  PodRefused: job(
    'never-ran',
    'Kubernetes does not take the pod: a policy, a LimitRange, a webhook',
  ),
  QuotaTooSmall: job('never-ran', 'the pod asks for more than the whole quota'),
  EmptyJob: cluster('cluster', 'the Job has no pod, and nobody says why'),
  PendingTooLong: cluster('cluster', 'the pod did not come to run its agent in time'),

  DeadlineExceeded: job('stopped', 'the Job or its pod was active for longer than it may be'),
  StorageLimit: job('stopped', 'the pod wrote more to disk than it may'),
  Evicted: cluster('cluster', 'the node ran short of a resource and ended the pod'),
  EvictedByRequest: cluster('cluster', 'somebody evicted the pod: a drained node, an autoscaler'),
  EvictedByTaint: cluster('cluster', 'a taint of the node drove the pod away'),
  Preempted: cluster('cluster', 'a pod of higher priority took the place'),
  Disrupted: cluster('cluster', 'the cluster took the pod away, for another reason'),
  NodeShutdown: cluster('cluster', 'the node shuts down'),
  NodeGone: cluster('cluster', 'the node was removed from the cluster'),
  NodeLost: cluster('cluster', 'the node is not ready, and the agent on it has fallen silent'),
  NodeRefused: cluster('cluster', 'the node did not take the pod'),
  PodDeleted: cluster('cluster', 'somebody deleted the pod'),
  PodFailed: cluster('cluster', 'the pod failed, and its containers do not say why'),
  JobDeleted: cluster('cluster', 'somebody deleted the Job before it had a pod'),
  JobFailed: cluster('cluster', 'the Job failed, and no pod says why'),
} as const satisfies Record<string, CauseEntry>

/** A short word for machines that names why a run is over. */
export type Cause = keyof typeof causes

function job<W extends Words>(words: W, about: string) {
  return { fault: 'job', words, about } as const
}

function cluster<W extends Words>(words: W, about: string) {
  return { fault: 'cluster', words, about } as const
}
