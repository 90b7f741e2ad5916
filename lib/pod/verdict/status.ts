import type {
  V1ContainerState,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1Pod,
} from '@kubernetes/client-node'

/** A container that waits, and the kubelet's reason. */
export interface WaitingContainer {
  name: string
  reason: string
  message: string
}

/** A container that ended. */
export interface EndedContainer {
  name: string
  state: V1ContainerStateTerminated
}

/** The state of the pod agent's container; undefined when the kubelet has not told of it. */
export function agentState(pod: V1Pod): V1ContainerState | undefined {
  return pod.status?.containerStatuses?.find(({ name }) => name === 'agent')?.state
}

/** Whether the pod agent runs, as far as the pod's status knows. A pod in a final phase runs nothing any more. */
export function agentRuns(pod: V1Pod): boolean {
  const phase = pod.status?.phase
  return phase !== 'Failed' && phase !== 'Succeeded' && agentState(pod)?.running !== undefined
}

/** Whether the pod agent runs or has run. A container whose program could not be started counts as ended, too. */
export function agentStarted(pod: V1Pod): boolean {
  const state = agentState(pod)
  if (state?.running !== undefined) return true
  return state?.terminated !== undefined && state.terminated.reason !== 'StartError'
}

/** The containers that wait, in the order in which the pod starts them. */
export function waitingContainers(pod: V1Pod): WaitingContainer[] {
  return statuses(pod).flatMap(({ name, state }) =>
    state?.waiting === undefined
      ? []
      : [{ name, reason: state.waiting.reason ?? 'Waiting', message: state.waiting.message ?? '' }],
  )
}

/** The first init container that failed. Sidecars are none of them: they restart. */
export function failedInit(pod: V1Pod): EndedContainer | undefined {
  const restarting = new Set(
    (pod.spec?.initContainers ?? [])
      .filter(({ restartPolicy }) => restartPolicy === 'Always')
      .map(({ name }) => name),
  )
  return (pod.status?.initContainerStatuses ?? [])
    .filter(({ name }) => !restarting.has(name))
    .flatMap(ended)
    .find(({ state }) => state.exitCode !== 0)
}

/** The containers that ran out of memory, now or the last time they ran. */
export function outOfMemory(pod: V1Pod): string[] {
  return statuses(pod)
    .filter(({ state, lastState }) =>
      [state, lastState].some(one => one?.terminated?.reason === 'OOMKilled'),
    )
    .map(({ name }) => name)
}

/** The pod's condition of that type, when it has the given status. */
export function condition(pod: V1Pod, type: string, status: 'True' | 'False') {
  return pod.status?.conditions?.find(one => one.type === type && one.status === status)
}

/** When the pod started (the kubelet saw it), else when it was made, in milliseconds since 1970. */
export function podStart(pod: V1Pod): number | undefined {
  const time = pod.status?.startTime ?? pod.metadata?.creationTimestamp
  // What a watch delivers is text; what the client library has parsed is a Date.
  return time ? new Date(time).getTime() : undefined
}

/** The name of the signal that ended a container; its exit code says it when the runtime does not. */
export function signalName({ signal, exitCode }: V1ContainerStateTerminated): string | undefined {
  const number = signal || (exitCode > 128 ? exitCode - 128 : 0)
  return signals[number]
}

const signals: Record<number, string> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  14: 'SIGALRM',
  15: 'SIGTERM',
}

/** The statuses of all containers, in the order in which the pod starts them. */
function statuses(pod: V1Pod): V1ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])]
}

function ended({ name, state }: V1ContainerStatus): EndedContainer[] {
  return state?.terminated === undefined ? [] : [{ name, state: state.terminated }]
}

/** Of a Job's pods the one that was made last: the others are on their way out. */
export function newestPod(pods: readonly V1Pod[]): V1Pod | undefined {
  const time = (pod: V1Pod) => new Date(pod.metadata?.creationTimestamp ?? 0).getTime()
  return pods.toSorted((a, b) => time(b) - time(a))[0]
}
