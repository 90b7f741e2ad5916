import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Cause } from './causes.js'
import { containerOf, eventsAbout, eventText } from './events.js'
import { isOutOfMemory, outOfMemoryCause, memoryText } from './memory.js'
import { endText, neverStarted, signalName, type EndedContainer } from './status.js'
import { quote, textOf } from './words.js'

/** Why a container died that the agent leads, and what is said of it. */
export interface ContainerEnd {
  cause: Cause
  text: (string | undefined)[]
}

/** Why a container died that the agent leads; it has not told the agent. */
export function containerEnd(
  pod: V1Pod,
  container: EndedContainer,
  events?: readonly CoreV1Event[],
): ContainerEnd {
  const { name, state } = container
  if (isOutOfMemory(container)) {
    return { cause: outOfMemoryCause(pod, name), text: memoryText(pod, name) }
  }
  if (neverStarted(state)) return cannotRun(container)
  const probe = eventsAbout('Pod', pod.metadata, events).find(event => isProbe(event, name))
  if (probe) return probeFailed(container, probe)
  return isKilled(container) ? killed(container) : failed(container)
}

/** The runtime's words for a program that it could not start. A program's own last words are not quoted: they may hold secrets. */
export function runtimeSays({ state }: EndedContainer): string | undefined {
  return neverStarted(state) ? quote(state.reason, state.message) : undefined
}

/** Whether something else than its program ended a container, so that it could tell nobody. */
export function isKilled(container: EndedContainer): boolean {
  if (isOutOfMemory(container) || neverStarted(container.state)) return true
  const signal = signalName(container.state)
  return signal === 'SIGKILL' || signal === 'SIGTERM'
}

function cannotRun(container: EndedContainer): ContainerEnd {
  const { name } = container
  const help = `Mend the image or the mounts of container ${name}, and see that the image is made for the node's platform.`
  const text = [`Container ${name} could not be started.`, runtimeSays(container), help]
  return { cause: 'ContainerCannotRun', text }
}

function probeFailed(container: EndedContainer, probe: CoreV1Event): ContainerEnd {
  const text = [
    `Container ${container.name} was killed because its probe failed.`,
    eventText(probe),
    endText(container),
    'Mend the livenessProbe or startupProbe of the container, or leave it out: a job needs none.',
  ]
  return { cause: 'ProbeFailed', text }
}

function killed(container: EndedContainer): ContainerEnd {
  const text = [
    `Container ${container.name} was killed.`,
    endText(container),
    'Kubernetes does not say by whom, and knows of no lack of memory: by somebody on the node, the node itself, or the step.',
  ]
  return { cause: 'ContainerKilled', text }
}

function failed(container: EndedContainer): ContainerEnd {
  const { name } = container
  const text = [
    `Container ${name} ended, and the agent has not noticed: it ended before it connected to the agent, or without a word.`,
    endText(container),
    `See what container ${name} says: its last words follow, where they may be shown.`,
  ]
  return { cause: 'ContainerFailed', text }
}

function isProbe(event: CoreV1Event, name: string): boolean {
  if (event.reason !== 'Killing') return false
  return containerOf(event) === name && /failed \w+ probe/.test(textOf(event.message))
}
