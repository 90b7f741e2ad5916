import type { V1Job, V1Pod } from '@kubernetes/client-node'
import { holdSecondsOf } from '../pod/metadata.js'
import { agentState, ledContainers, mainStatuses } from '../pod/verdict/status.js'
import { timeOf } from '../pod/verdict/words.js'
import { isFinished } from './unfinished.js'

/** A run that has ended, and what its Job and pod are like. */
export interface AfterRun {
  job: V1Job | undefined
  pod: V1Pod | undefined
  /** Milliseconds since 1970, as `now`. */
  endedAt: number
  now: number
  /** A pod is held for a failure that its author may want to look into, not for one who has cancelled his job. */
  ending?: { by: 'pod' | 'spawner' | 'upstream'; cancelled?: boolean } | undefined
}

// A sidecar that hangs has had its signal by then, or never gets one.
const hangMs = 15_000

// What an agent may need beyond its grace, after its finish.
const spareMs = 30_000

const usualGraceSeconds = 30

/**
 * What to do about the Job of a run that has ended: `end` it when its pod does not go by itself, `wait`, or nothing any
 * more. A pod that is being deleted is its kubelet's; when that is dead, the reaper's.
 */
export function afterRun(seen: AfterRun): 'done' | 'wait' | 'end' {
  const { job, pod, endedAt, now, ending } = seen
  if (pod?.metadata?.deletionTimestamp) return 'done'
  const phase = pod?.status?.phase
  if (phase === 'Succeeded' || phase === 'Failed') return 'done'
  if (!pod && (!job || isFinished(job) || job.metadata?.deletionTimestamp)) return 'done'
  return now >= leftUntil(pod, endedAt, mayHold(ending)) ? 'end' : 'wait'
}

/** Until when a pod whose run ended at that time is left to itself, in milliseconds since 1970. */
export function leftUntil(pod: V1Pod | undefined, endedAt: number, held = true): number {
  const agent = pod && agentState(pod)?.terminated
  if (!pod) return endedAt + hangMs
  // An agent ends after its finish, whatever the clock of its node says.
  const agentEnd = agent && Math.max(timeOf(agent.finishedAt) ?? endedAt, endedAt)
  if (agentEnd !== undefined) return agentEnd + hangMs + (held ? holdMs(pod) : 0)
  const graceSeconds = pod.spec?.terminationGracePeriodSeconds ?? usualGraceSeconds
  return endedAt + graceSeconds * 1_000 + spareMs + (held ? holdMs(pod) : 0)
}

function mayHold(ending: AfterRun['ending']): boolean {
  return ending?.by !== 'upstream' && ending?.cancelled !== true
}

/** How long a pod is held for people to look into it: no longer than a container that the agent leads goes on. */
export function holdMs(pod: V1Pod): number {
  const led = ledContainers(pod)
  const goesOn = mainStatuses(pod).some(({ name, state }) => state?.running && led.includes(name))
  return goesOn ? holdSecondsOf(pod) * 1_000 : 0
}
