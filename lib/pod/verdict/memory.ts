import type { V1Pod } from '@kubernetes/client-node'
import type { Cause } from './causes.js'
import { endedContainers, exitCode, statuses, type EndedContainer } from './status.js'
import { listOf, textOf } from './words.js'

/**
 * Whether a container's end is the kernel's, which had no memory left for it. The runtime gives that reason to a
 * container in which any process was killed, also when the container then ended well (seen with containerd 1.6).
 */
export function isOutOfMemory({ state }: EndedContainer): boolean {
  return state.reason === 'OOMKilled' && exitCode(state) !== 0
}

/** The memory limit that holds for a container, as its author wrote it; undefined when there is none. */
export function memoryLimit(pod: V1Pod, container: string): string | undefined {
  const { containers, initContainers, resources } = pod.spec ?? {}
  const own = [...listOf(initContainers), ...listOf(containers)].find(
    ({ name }) => name === container,
  )
  const limit = own?.resources?.limits?.memory ?? resources?.limits?.memory
  return textOf(limit) || undefined
}

/** The cause of a container's end by lack of memory: its own limit, or that of the node. */
export function outOfMemoryCause(pod: V1Pod, container: string): Cause {
  return memoryLimit(pod, container) === undefined ? 'NodeOutOfMemory' : 'OOMKilled'
}

/** What is said of a container that ran out of memory, and what helps. */
export function memoryText(pod: V1Pod, container: string): string[] {
  const limit = memoryLimit(pod, container)
  if (limit === undefined) {
    return [
      `Memory ran out, and the kernel killed container ${container} or a process in it (OOMKilled). It has no limit: the node's memory was full.`,
      'Give the container a memory request, so that it gets a node with room for it, or try again.',
    ]
  }
  return [
    `Container ${container} used more memory than its limit of ${limit}: the kernel killed it, or a process in it (OOMKilled).`,
    `Raise resources.limits.memory of container ${container}, or let it use less.`,
  ]
}

/** A line for each other container that ran out of memory, now or the last time it ran. */
export function memoryNotes(pod: V1Pod, toldOf: readonly string[]): string[] {
  const now = endedContainers(pod).filter(isOutOfMemory)
  const before = statuses(pod).flatMap(({ name, lastState }) =>
    lastState?.terminated ? [{ name, state: lastState.terminated }] : [],
  )
  const names = [...now, ...before.filter(isOutOfMemory)].map(({ name }) => name)
  return [...new Set(names)]
    .filter(name => !toldOf.includes(name))
    .flatMap(name => memoryText(pod, name)[0] ?? [])
}
