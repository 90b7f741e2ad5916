import type { V1Pod } from '@kubernetes/client-node'
import { timeOf } from '../verdict/words.js'
import { duration } from './amounts.js'
import { awaitedImage } from './image-facts.js'
import {
  hasStarted,
  initContainers,
  mainContainers,
  sidecars,
  waitingSince,
  type ContainerSeen,
} from './pod-state.js'
import { ours } from './said.js'
import type { Fact, Known } from './facts.js'

// What is over sooner is not worth a line.
const worthTellingMs = 5_000

/** The pod's containers: init containers that run and end, sidecars that end and start again, and the others' start. */
export function containerFacts(known: Known): Fact[] {
  const { pod, now } = known
  if (!pod) return []
  return [
    ...initContainers(pod).flatMap(one => initFacts(one)),
    ...sidecars(pod).flatMap(one => sidecarFacts(one, now)),
    ...started(pod, known),
  ]
}

/** The init container that the pod waits for now. */
export function runningInit(pod: V1Pod): string | undefined {
  return initContainers(pod).find(({ status }) => status?.state?.running)?.name
}

/** The sidecar that keeps the containers behind it from starting. */
export function startingSidecar(pod: V1Pod): string | undefined {
  const isHeldUp = missing(pod).length === mainContainers(pod).length
  const [first] = sidecars(pod).filter(({ status }) => status?.started === false)
  return isHeldUp ? first?.name : undefined
}

/** The containers that have not started, while others have; none when all have. */
export function missing(pod: V1Pod): string[] {
  return mainContainers(pod)
    .filter(one => !hasStarted(one))
    .map(({ name }) => name)
}

function initFacts({ name, status }: ContainerSeen): Fact[] {
  if (isOurs(name)) return []
  const { running, terminated } = status?.state ?? {}
  if (running) {
    const text = ours(`Init container ${name} runs.`)
    return [{ key: `init:${name}`, atMs: timeOf(running.startedAt) ?? 0, text }]
  }
  // One that failed is the verdict's to tell.
  if (terminated?.exitCode !== 0) return []
  const atMs = timeOf(terminated.finishedAt) ?? 0
  const took = duration(atMs - (timeOf(terminated.startedAt) ?? atMs))
  const text = ours(`Init container ${name} finished after ${took}.`)
  return [{ key: `init-end:${name}`, atMs, text }]
}

// They copy the agent and look at images, in a moment.
function isOurs(name: string): boolean {
  return name === 'copy-agent' || /^imagecheck-\d+$/.test(name)
}

function sidecarFacts({ name, status }: ContainerSeen, now: number): Fact[] {
  const { running, terminated } = status?.state ?? {}
  const end = terminated ?? status?.lastState?.terminated
  if (end) {
    const how =
      end.reason === 'OOMKilled' ? 'was OOMKilled' : `ended with exit code ${end.exitCode}`
    const restarts = status?.restartCount ?? 0
    const often = restarts < 2 ? '' : `, ${restarts} times so far`
    const text = ours(`Sidecar ${name} ${how}${often}; Kubernetes starts it again.`)
    return [{ key: `sidecar-end:${name}`, atMs: timeOf(end.finishedAt) ?? now, text, again: true }]
  }
  const since = timeOf(running?.startedAt)
  if (since === undefined || status?.started !== false || now - since < worthTellingMs) return []
  const text = ours(`Sidecar ${name} runs, but its startup probe has not passed yet.`)
  return [{ key: `sidecar-probe:${name}`, atMs: since + worthTellingMs, text }]
}

function started(pod: V1Pod, known: Known): Fact[] {
  const { job, now, verdict } = known
  const agent = mainContainers(pod).find(({ name }) => name === 'agent')
  const agentAt = timeOf(agent?.status?.state?.running?.startedAt)
  if (agentAt === undefined) return []
  const waits = missing(pod)
  if (waits.length > 0) {
    // What they wait for is told elsewhere, when it is known.
    const isKnown = verdict.state === 'waiting' || awaitedImage(known) !== undefined
    if (isKnown || now - agentAt < worthTellingMs) return []
    const text = ours(`The agent has started, and waits for ${listed(waits)}.`)
    return [{ key: 'agent-started', atMs: agentAt + worthTellingMs, text }]
  }
  const starts = mainContainers(pod).map(({ status }) => timeOf(status?.state?.running?.startedAt))
  const atMs = Math.max(agentAt, ...starts.filter(time => time !== undefined))
  const after = duration(atMs - (waitingSince(job, pod) ?? atMs))
  return [{ key: 'started', atMs, text: ours(`All containers have started, after ${after}.`) }]
}

/** Names of containers as a part of a sentence. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${names.length - 3} more` : ''
  return `container${names.length === 1 ? '' : 's'} ${shown}${more}`
}
