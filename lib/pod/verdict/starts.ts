import type { V1Pod } from '@kubernetes/client-node'
import { lines, over, type Seen, type Verdict } from './judgement.js'
import {
  agentRuns,
  condition,
  podStart,
  waitingContainers,
  type WaitingContainer,
} from './status.js'

/** A container waits in vain. */
export function neverStarts({ pod }: Seen): Verdict | undefined {
  const found = pod && firstWaiting(pod, hopeless)
  return found && over({ cause: found.cause, message: startText(found.container), pod })
}

/** A container waits for what may never come: for a while it may hope. */
export function cannotStart({ pod, now }: Seen): Verdict | undefined {
  const found = pod && firstWaiting(pod, doubtful)
  if (!found) return undefined
  const { cause, container } = found
  if (now - (podStart(pod) ?? now) >= startGraceMs) {
    return over({ cause, message: startText(container), pod })
  }
  return { state: 'waiting', reason: container.reason, message: startText(container) }
}

/** The pod agent runs: all else is its to judge. */
export function running({ pod }: Seen): Verdict | undefined {
  return pod && agentRuns(pod) ? { state: 'running' } : undefined
}

/** There is no pod yet. */
export function noPod({ pod }: Seen): Verdict | undefined {
  if (pod) return undefined
  return { state: 'waiting', reason: 'NoPod', message: 'The Job has no pod yet.' }
}

/** No node has the pod yet; the scheduler says why. */
export function unscheduled({ pod }: Seen): Verdict | undefined {
  const refusal = pod && condition(pod, 'PodScheduled', 'False')
  if (!refusal) return undefined
  const message = lines('No node has taken the pod yet.', refusal.message)
  return { state: 'waiting', reason: refusal.reason ?? 'Unschedulable', message }
}

/** Containers are being made; the first that waits stands for all. */
export function starting({ pod }: Seen): Verdict | undefined {
  const [first] = pod ? waitingContainers(pod) : []
  if (!first) return undefined
  return { state: 'waiting', reason: first.reason, message: startText(first) }
}

/** Reasons for which a container waits in vain, and the cause that each gives a verdict. */
const hopeless: Record<string, string> = {
  InvalidImageName: 'ImagePull',
  ErrImageNeverPull: 'ImagePull',
}

/** Reasons that may pass: a registry that is slow to answer, a Secret that is made a moment later. */
const doubtful: Record<string, string> = {
  ErrImagePull: 'ImagePull',
  ImagePullBackOff: 'ImagePull',
  ImageInspectError: 'ImagePull',
  RegistryUnavailable: 'ImagePull',
  CreateContainerConfigError: 'ContainerConfig',
  CreateContainerError: 'ContainerConfig',
}

const startGraceMs = 30_000

function firstWaiting(pod: V1Pod, causes: Record<string, string>) {
  return waitingContainers(pod)
    .map(container => ({ container, cause: causes[container.reason] }))
    .find((found): found is { container: WaitingContainer; cause: string } => Boolean(found.cause))
}

function startText({ name, reason, message }: WaitingContainer): string {
  return lines(`Container ${name} has not started: ${reason}.`, message)
}
