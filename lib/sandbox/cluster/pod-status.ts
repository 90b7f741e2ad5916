import type {
  Condition,
  Container,
  ContainerState,
  ContainerStatus,
  PodObject,
  PodStatus,
} from './objects.js'

/** What the kubelet knows of a pod: the state of each container by name, and times. */
export interface PodFacts {
  states: ReadonlyMap<string, ContainerState>
  startTime: string
  now: string
}

/** The status of a pod that has a node, from the states of its containers. */
export function podStatus(pod: PodObject, facts: PodFacts): PodStatus {
  const inits = pod.spec.initContainers ?? []
  const initialized = inits.every(container => isInitialized(container, facts.states))
  const phase = podPhase(pod, facts.states)
  const ready =
    phase === 'Running' && pod.spec.containers.every(c => 'running' in stateOf(c, facts))
  const over = phase === 'Succeeded' || phase === 'Failed'
  const why = over ? { reason: 'PodCompleted' } : { reason: 'ContainersNotReady' }
  const conditions: Condition[] = [
    { type: 'PodScheduled', status: 'True' },
    initialized
      ? { type: 'Initialized', status: 'True' }
      : { type: 'Initialized', status: 'False', reason: 'ContainersNotInitialized' },
    { type: 'Ready', ...(ready ? { status: 'True' } : { status: 'False', ...why }) },
    { type: 'ContainersReady', ...(ready ? { status: 'True' } : { status: 'False', ...why }) },
  ]
  return {
    phase,
    conditions: withTimes(conditions, pod.status?.conditions ?? [], facts.now),
    hostIP: '127.0.0.1',
    hostIPs: [{ ip: '127.0.0.1' }],
    podIP: '127.0.0.1',
    podIPs: [{ ip: '127.0.0.1' }],
    startTime: facts.startTime,
    ...(inits.length === 0
      ? {}
      : { initContainerStatuses: inits.map(c => containerStatus(c, stateOf(c, facts))) }),
    containerStatuses: pod.spec.containers.map(c => containerStatus(c, stateOf(c, facts))),
  }
}

/** The status of a pod that no node takes. */
export function unschedulableStatus(now: string): PodStatus {
  const message =
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
  const condition: Condition = {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    lastTransitionTime: now,
  }
  return { phase: 'Pending', conditions: [condition] }
}

/** The phase: Pending while anything has yet to start, Running while anything runs, then what the exit codes say. */
export function podPhase(
  pod: PodObject,
  states: ReadonlyMap<string, ContainerState>,
): PodStatus['phase'] {
  const inits = pod.spec.initContainers ?? []
  const failedInit = inits.some(container => exitCode(states.get(container.name)) > 0)
  const all = pod.spec.containers.map(container => states.get(container.name))
  if (all.every(state => state !== undefined && 'terminated' in state)) {
    return failedInit || all.some(state => exitCode(state) !== 0) ? 'Failed' : 'Succeeded'
  }
  if (failedInit) return 'Failed'
  if (!inits.every(container => isInitialized(container, states))) return 'Pending'
  if (all.some(state => state === undefined || 'waiting' in state)) return 'Pending'
  return 'Running'
}

function isInitialized(container: Container, states: ReadonlyMap<string, ContainerState>): boolean {
  const state = states.get(container.name)
  if (!state || 'waiting' in state) return false
  return container.restartPolicy === 'Always' || ('terminated' in state && exitCode(state) === 0)
}

function exitCode(state: ContainerState | undefined): number {
  return state && 'terminated' in state ? state.terminated.exitCode : 0
}

function stateOf(container: Container, facts: PodFacts): ContainerState {
  return facts.states.get(container.name) ?? { waiting: { reason: 'PodInitializing' } }
}

function containerStatus(container: Container, state: ContainerState): ContainerStatus {
  const running = 'running' in state
  return {
    name: container.name,
    image: container.image,
    imageID: '',
    ready: running,
    started: running,
    restartCount: 0,
    state,
    lastState: {},
  }
}

function withTimes(conditions: Condition[], before: Condition[], now: string): Condition[] {
  return conditions.map(condition => {
    const old = before.find(candidate => candidate.type === condition.type)
    const kept = old?.status === condition.status ? old.lastTransitionTime : undefined
    return { ...condition, lastTransitionTime: kept ?? now }
  })
}
