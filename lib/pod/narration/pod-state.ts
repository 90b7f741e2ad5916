import type { V1Container, V1ContainerStatus, V1Job, V1Pod } from '@kubernetes/client-node'
import { timeOf } from '../verdict/words.js'

/** A container with what the kubelet says of it. */
export interface ContainerSeen {
  name: string
  container: V1Container
  status: V1ContainerStatus | undefined
}

/** When the Job was made, or the pod when the Job is not known, in milliseconds since 1970. */
export function waitingSince(job: V1Job | undefined, pod: V1Pod | undefined): number | undefined {
  return timeOf((job ?? pod)?.metadata?.creationTimestamp)
}

/** The node that has the pod, and since when. */
export function nodeOf(pod: V1Pod | undefined): { name: string; atMs: number } | undefined {
  const name = pod?.spec?.nodeName
  if (!pod || !name) return undefined
  const scheduled = pod.status?.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'True',
  )
  return {
    name,
    atMs: timeOf(scheduled?.lastTransitionTime) ?? timeOf(pod.metadata?.creationTimestamp) ?? 0,
  }
}

/** Whether the pod's volumes and network are there, so that containers may start. */
export function isPrepared(pod: V1Pod): boolean {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'PodReadyToStartContainers')
  return ready?.status === 'True' || allContainers(pod).some(hasStarted)
}

/** The init containers that run to their end, in order: no sidecars. */
export function initContainers(pod: V1Pod): ContainerSeen[] {
  return inits(pod).filter(({ container }) => container.restartPolicy !== 'Always')
}

/** The init containers that stay, in order. */
export function sidecars(pod: V1Pod): ContainerSeen[] {
  return inits(pod).filter(({ container }) => container.restartPolicy === 'Always')
}

/** The containers that are no init containers. */
export function mainContainers(pod: V1Pod): ContainerSeen[] {
  return withStatus(pod.spec?.containers, pod.status?.containerStatuses)
}

/** All of them, in the order in which the pod starts them. */
export function allContainers(pod: V1Pod): ContainerSeen[] {
  return [...inits(pod), ...mainContainers(pod)]
}

/** Whether it runs or has run. */
export function hasStarted({ status }: ContainerSeen): boolean {
  const { running, terminated } = status?.state ?? {}
  return Boolean(running ?? terminated ?? status?.lastState?.terminated)
}

function inits(pod: V1Pod): ContainerSeen[] {
  return withStatus(pod.spec?.initContainers, pod.status?.initContainerStatuses)
}

function withStatus(
  containers: readonly V1Container[] = [],
  statuses: readonly V1ContainerStatus[] = [],
): ContainerSeen[] {
  return containers.map(container => ({
    name: container.name,
    container,
    status: statuses.find(({ name }) => name === container.name),
  }))
}
