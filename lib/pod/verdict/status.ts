import type {
  V1Container,
  V1ContainerState,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1Pod,
} from '@kubernetes/client-node'
import { listOf, textOf, timeOf } from './words.js'

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
  return mainStatuses(pod).find(({ name }) => name === 'agent')?.state ?? undefined
}

/** Whether the pod agent runs, as far as the pod's status knows. A pod in a final phase runs nothing any more. */
export function agentRuns(pod: V1Pod): boolean {
  return !isFinal(pod) && Boolean(agentState(pod)?.running)
}

/** Whether the pod agent runs or has run. A container whose program could not be started counts as never started. */
export function agentStarted(pod: V1Pod): boolean {
  const state = agentState(pod)
  if (state?.running) return true
  return Boolean(state?.terminated) && !neverStarted(state?.terminated)
}

/** Whether the runtime could not start a container's program: its end is none of the program's. */
export function neverStarted(state: V1ContainerStateTerminated | undefined): boolean {
  return state?.reason === 'StartError' || state?.reason === 'ContainerCannotRun'
}

/** Whether the pod has come to its end. */
export function isFinal(pod: V1Pod): boolean {
  return pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded'
}

/** Whether somebody has told the pod to go. */
export function isDeleted(pod: V1Pod): boolean {
  return Boolean(pod.metadata?.deletionTimestamp)
}

/** The containers that wait, in the order in which the pod starts them. */
export function waitingContainers(pod: V1Pod): WaitingContainer[] {
  return statuses(pod).flatMap(({ name, state }) => {
    if (!state?.waiting) return []
    const { reason, message } = state.waiting
    return [{ name: textOf(name), reason: textOf(reason) || 'Waiting', message: textOf(message) }]
  })
}

/** The containers that ended, in the order in which the pod starts them. */
export function endedContainers(pod: V1Pod): EndedContainer[] {
  return statuses(pod).flatMap(ended)
}

/** The first init container that failed. Those that Kubernetes starts again, as it does with sidecars, have not yet. */
export function failedInit(pod: V1Pod): EndedContainer | undefined {
  const restarting = new Set(
    listOf(pod.spec?.initContainers)
      .filter(restarts)
      .map(({ name }) => name),
  )
  return initStatuses(pod)
    .filter(({ name }) => !restarting.has(name))
    .flatMap(ended)
    .find(({ state }) => exitCode(state) !== 0)
}

// A container may have a policy of its own since Kubernetes 1.34; the pod's is Never.
function restarts({ restartPolicy, restartPolicyRules }: V1Container): boolean {
  return (restartPolicy ?? 'Never') !== 'Never' || listOf(restartPolicyRules).length > 0
}

/** The names of the sidecars: init containers that restart. */
export function sidecars(pod: V1Pod): ReadonlySet<string> {
  const restarting = listOf(pod.spec?.initContainers).filter(
    ({ restartPolicy }) => restartPolicy === 'Always',
  )
  return new Set(restarting.map(({ name }) => name))
}

/** The containers that the pod agent leads: each of them must end well for the job to. */
export function ledContainers(pod: V1Pod): string[] {
  return listOf(pod.spec?.containers)
    .filter(({ env }) => listOf(env).some(({ name }) => name === 'BUILDKITE_CONTAINER_ID'))
    .map(({ name }) => name)
}

/** The pod's condition of that type, when it has the given status. */
export function condition(pod: V1Pod, type: string, status: 'True' | 'False') {
  return listOf(pod.status?.conditions).find(one => one.type === type && one.status === status)
}

/** When the pod started (the kubelet saw it), else when it was made, in milliseconds since 1970. */
export function podStart(pod: V1Pod): number | undefined {
  return timeOf(pod.status?.startTime) ?? timeOf(pod.metadata?.creationTimestamp)
}

/** A container's exit code; -1 where an odd status has none. */
export function exitCode({ exitCode: code }: V1ContainerStateTerminated): number {
  return Number.isInteger(code) ? code : -1
}

/** The name of the signal that ended a container; its exit code says it when the runtime does not. */
export function signalName(state: V1ContainerStateTerminated): string | undefined {
  const code = exitCode(state)
  // Of a container that was gone when its runtime came back nobody knows how it ended.
  if (state.reason === 'Unknown') return undefined
  return signals[state.signal || (code > 128 ? code - 128 : 0)]
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

/** How a container ended: `exit code 137, SIGKILL, OOMKilled`. */
export function endText({ name, state }: EndedContainer): string {
  const parts = [`exit code ${exitCode(state)}`, signalName(state), textOf(state.reason)]
  return `Container ${name}: ${parts.filter(Boolean).join(', ')}.`
}

/** The statuses of the init containers, sidecars among them. */
export function initStatuses(pod: V1Pod): V1ContainerStatus[] {
  return listOf(pod.status?.initContainerStatuses)
}

/** The statuses of the containers that start when the init containers have ended. */
export function mainStatuses(pod: V1Pod): V1ContainerStatus[] {
  return listOf(pod.status?.containerStatuses)
}

/** The statuses of all containers, in the order in which the pod starts them. */
export function statuses(pod: V1Pod): V1ContainerStatus[] {
  return [...initStatuses(pod), ...mainStatuses(pod)]
}

function ended({ name, state }: V1ContainerStatus): EndedContainer[] {
  return state?.terminated ? [{ name: textOf(name), state: state.terminated }] : []
}

/** Of a Job's pods the one that was made last: the others are on their way out. */
export function newestPod(pods: readonly V1Pod[]): V1Pod | undefined {
  const time = (pod: V1Pod) => timeOf(pod.metadata?.creationTimestamp) ?? 0
  return pods.toSorted((a, b) => time(b) - time(a))[0]
}
