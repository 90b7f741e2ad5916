import type { V1Pod } from '@kubernetes/client-node'
import { causes, type Cause } from './causes.js'
import { containerTroubles } from './starts.js'
import { containerEnd } from './container-end.js'
import type { Fault, Seen } from './judgement.js'
import { isOutOfMemory, memoryLimit, memoryNotes } from './memory.js'
import { ownEnd } from './over.js'
import { deadlineText, deletedReason, jobFailure, takenReason } from './reasons.js'
import {
  agentState,
  condition,
  endedContainers,
  endText,
  exitCode,
  isDeleted,
  isFinal,
  ledContainers,
  mainStatuses,
  type EndedContainer,
} from './status.js'
import { worstOf } from './trouble.js'
import { lines, timeOf } from './words.js'

/** What a pod agent says of the end of its job, in its finish. */
export interface Reported {
  exitStatus: number | undefined
  signalReason: string | undefined
}

/** What the cluster knows of that end, and the agent cannot. */
export interface Explanation {
  cause: string
  fault: Fault
  /** What people read in the job's log; it may have several lines. */
  message: string
  /** The container's own, where it says more than what the agent has reported. */
  exitStatus?: number
  signal?: string
  /** The containers whose last words tell more. */
  lastWordsOf?: readonly string[]
}

/**
 * Whether the cluster may know more of a finish than the agent that reports it: the agent was told to stop, or lost a
 * container, or one never came, or a signal ended the command. All other statuses are the command's own; but see `mayBeMemory`.
 */
export function mayExplain({ exitStatus, signalReason }: Reported): boolean {
  if (signalReason === 'agent_stop') return true
  // Whoever cancelled knows why it ended so.
  if (signalReason !== undefined && signalReason !== 'process_run_error') return false
  if (exitStatus === undefined) return false
  return [-1, -7, -10].includes(exitStatus) || exitStatus >= 128
}

/**
 * Whether a finish may hide a lack of memory: a program whose child was killed ends with a status of its own, as `make`
 * does with 2. Only the pod can tell; `isSettled` says at once of one that has no limit.
 */
export function mayBeMemory({ exitStatus = 0, signalReason }: Reported): boolean {
  return signalReason === undefined && exitStatus >= 1 && exitStatus < 128
}

/** Whether the pod's status already knows what an explanation needs: kubelets tell of an end a second or two later. */
export function isSettled(reported: Reported, pod: V1Pod | undefined): boolean {
  if (!pod) return true
  if (mayBeMemory(reported) && !ledContainers(pod).some(name => memoryLimit(pod, name))) return true
  if (reported.signalReason === 'agent_stop') {
    return (
      isDeleted(pod) || isFinal(pod) || condition(pod, 'DisruptionTarget', 'True') !== undefined
    )
  }
  if (neverConnectedIs(reported)) return true
  return ledEnds(pod).some(({ state }) => exitCode(state) !== 0)
}

/** What the cluster says of the end that a pod agent reports; undefined when it says nothing of it. */
export function explain(
  reported: Reported,
  seen: Pick<Seen, 'pod' | 'job' | 'events'> & Partial<Pick<Seen, 'jobEvents'>>,
): Explanation | undefined {
  if (!mayExplain(reported) && !mayBeMemory(reported)) return undefined
  if (reported.signalReason === 'agent_stop') return stopped(seen)
  const { pod } = seen
  if (!pod) return undefined
  const found = outOfMemory(reported, pod) ?? byStatus(reported, pod, seen)
  if (!found) return undefined
  const notes = memoryNotes(pod, ledContainers(pod))
  return { ...found, message: lines(found.message, ...notes) }
}

/** The agent was told to stop: the Job's deadline, the cluster, or somebody who deleted the pod. */
function stopped(seen: Parameters<typeof explain>[1]): Explanation | undefined {
  const { pod, job } = seen
  // The Job's controller names its target before the pods are gone, and the failure when they are.
  const failed = jobFailure(job, ['FailureTarget', 'Failed'])
  if (failed?.reason === 'DeadlineExceeded')
    return explanation('DeadlineExceeded', [deadlineText(failed)])
  const reason = takenReason(seen) ?? (!pod || isDeleted(pod) ? deletedReason(seen) : undefined)
  return reason && explanation(reason.cause, reason.text)
}

/** The kernel killed something of a container that the agent leads, and the container ended badly for it. */
function outOfMemory({ exitStatus }: Reported, pod: V1Pod): Explanation | undefined {
  const container = ledEnds(pod).find(isOutOfMemory)
  if (!container) return undefined
  const { cause, text } = containerEnd(pod, container)
  // Another status is the command's answer to what happened, and stays.
  const killed = exitStatus !== undefined && [-1, -7, -10, 137, 255].includes(exitStatus)
  const end = killed ? ownEnd(container) : {}
  return { ...explanation(cause, text), ...end }
}

function byStatus(
  reported: Reported,
  pod: V1Pod,
  seen: Pick<Seen, 'events'>,
): Explanation | undefined {
  if (neverConnectedIs(reported)) return neverConnected(pod, seen)
  if (reported.exitStatus === -7) return lost(pod, seen)
  if (reported.exitStatus !== -1) return undefined
  const container = ledEnds(pod).find(({ state }) => exitCode(state) !== 0)
  return (
    container &&
    explanation('BootstrapKilled', [
      `A signal ended the agent's bootstrap in container ${container.name}, and the command with it.`,
      endText(container),
      'Kubernetes does not say by whom, and knows of no lack of memory: by somebody on the node, or the step.',
    ])
  )
}

/** A container was connected, and fell silent. */
function lost(pod: V1Pod, { events }: Pick<Seen, 'events'>): Explanation | undefined {
  const container = ledEnds(pod).find(({ state }) => exitCode(state) !== 0)
  if (!container) {
    const names = runningLed(pod)
    if (names.length === 0) return undefined
    return explanation('LostContact', [
      `The agent has lost contact with a container that runs (${names.join(', ')}): it was silent for half a minute.`,
      'Most often it gets too little CPU: raise resources.requests.cpu. A retry may help.',
    ])
  }
  const { cause, text } = containerEnd(pod, container, events)
  const own = causes[cause].words === 'own' ? ownEnd(container) : {}
  return { ...explanation(cause, text), ...own, lastWordsOf: [container.name] }
}

/** A container never connected to the agent: it cannot start, has ended before, or is another program. */
function neverConnected(pod: V1Pod, { events }: Pick<Seen, 'events'>): Explanation | undefined {
  const trouble = worstOf(
    containerTroubles(pod, { pod, events, limits: noLimits, podSeenBefore: true }),
  )
  if (trouble) return explanation(trouble.cause, trouble.text)
  const ended = endsBeforeAgent(pod)
  // The bootstrap's own word for a set-up that failed: it was connected, and its log says why.
  if (ended.some(({ state }) => exitCode(state) === 125)) return undefined
  const failed = ended.find(({ state }) => exitCode(state) !== 0)
  if (failed) return endedBefore(pod, failed)
  const names = runningLed(pod)
  if (names.length === 0) return undefined
  return explanation('NeverConnected', [
    `Not all containers of the job have connected to the agent, and they run (${names.join(', ')}).`,
    'See that images and patches leave their entrypoints and the volume /workspace as they are, and that they get CPU.',
  ])
}

function endedBefore(pod: V1Pod, container: EndedContainer): Explanation {
  const end = containerEnd(pod, container)
  const lastWordsOf = [container.name]
  if (end.cause === 'ContainerCannotRun')
    return { ...explanation(end.cause, end.text), lastWordsOf }
  const text = [
    `Container ${container.name} ended before it connected to the agent.`,
    endText(container),
    'See that its image and patches leave the entrypoint and the volume /workspace as they are.',
  ]
  return { ...explanation('ExitedBeforeConnecting', text), lastWordsOf }
}

function explanation(cause: Cause, text: readonly (string | undefined)[]): Explanation {
  return { cause, fault: causes[cause].fault, message: lines(...text) }
}

// -10 is the agent's word for it; an agent that has waited for them for too long says only that nothing ran.
function neverConnectedIs({ exitStatus, signalReason }: Reported): boolean {
  return exitStatus === -10 || (exitStatus === -1 && signalReason === 'process_run_error')
}

const noLimits = { imagePullMs: 0, pendingMs: 0, emptyJobMs: 0 }

function ledEnds(pod: V1Pod): EndedContainer[] {
  const led = ledContainers(pod)
  return endedContainers(pod).filter(({ name }) => led.includes(name))
}

// Containers that lose their agent end with an error as well.
function endsBeforeAgent(pod: V1Pod): EndedContainer[] {
  const agentEnd = timeOf(agentState(pod)?.terminated?.finishedAt) ?? Infinity
  return ledEnds(pod).filter(({ state }) => (timeOf(state.finishedAt) ?? 0) < agentEnd)
}

function runningLed(pod: V1Pod): string[] {
  const led = ledContainers(pod)
  const runs = mainStatuses(pod).filter(({ state }) => state?.running)
  return runs.map(({ name }) => name).filter(name => led.includes(name))
}
