// Pods are written down as the API server gives them (JSON of a watch, so that times are text), no more of each than
// a rule may look at.
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { parse } from 'yaml'
import { verdict } from '../../../lib/pod/verdict/verdict.js'

const start = '2026-01-01T00:00:00Z'

interface Case {
  promise: string
  /** YAML of a pod, when there is one. */
  pod?: string
  job?: string
  podSeenBefore?: boolean
  /** Seconds since the pod started. */
  after?: number
  wanted: object
}

const agentRunning = `{ name: agent, state: { running: { startedAt: '${start}' } } }`
const deadline = `status: { conditions: [{ type: Failed, status: 'True', reason: DeadlineExceeded, message: was active too long }] }`
const backoff = `status: { conditions: [{ type: Failed, status: 'True', reason: BackoffLimitExceeded, message: reached the limit }] }`

function waitingImage(
  reason: string,
  agent = '{ name: agent, state: { waiting: { reason: PodInitializing } } }',
) {
  return `status:
  phase: Pending
  startTime: '${start}'
  containerStatuses:
    - ${agent}
    - { name: container-0, state: { waiting: { reason: ${reason}, message: 'no such thing' } } }`
}

const over = (cause: string, signalReason: 'agent_stop' | 'stack_error') =>
  ({ state: 'over', cause, exitStatus: -1, signalReason }) as const

const cases: Case[] = [
  { promise: 'before there is a pod the run waits', wanted: { state: 'waiting', reason: 'NoPod' } },
  {
    promise: 'a pod that is gone ends the run',
    podSeenBefore: true,
    wanted: over('PodDeleted', 'agent_stop'),
  },
  {
    promise: "a Job's deadline explains the pod that it took away",
    podSeenBefore: true,
    job: deadline,
    wanted: { ...over('DeadlineExceeded', 'agent_stop'), message: /was active too long/ },
  },
  {
    promise: 'a Job that failed before it had a pod ends the run in its own words',
    job: backoff,
    wanted: { ...over('BackoffLimitExceeded', 'agent_stop'), message: /reached the limit/ },
  },
  {
    promise: 'a deadline does not take the word from an agent that still runs',
    job: deadline,
    pod: `metadata: { deletionTimestamp: '${start}' }
status: { phase: Running, containerStatuses: [${agentRunning}] }`,
    wanted: { state: 'running' },
  },
  {
    promise: 'an eviction explains more than the containers that it killed',
    pod: `status:
  phase: Failed
  reason: Evicted
  message: 'The node was low on resource: memory.'
  containerStatuses: [{ name: agent, state: { terminated: { exitCode: 137 } } }]`,
    job: backoff,
    wanted: { ...over('Evicted', 'agent_stop'), message: /low on resource: memory/ },
  },
  {
    promise: 'a node that refuses the pod is named before any container started',
    pod: `status: { phase: Failed, reason: UnexpectedAdmissionError, message: no devices }`,
    wanted: { ...over('UnexpectedAdmissionError', 'stack_error'), message: /no devices/ },
  },
  {
    promise: 'a disruption that ended the agent is the cause',
    pod: `status:
  phase: Failed
  conditions: [{ type: DisruptionTarget, status: 'True', reason: PreemptionByScheduler, message: made room }]
  containerStatuses: [{ name: agent, state: { terminated: { exitCode: 143 } } }]`,
    wanted: { ...over('PreemptionByScheduler', 'agent_stop'), message: /made room/ },
  },
  {
    promise: 'a disruption that is announced leaves the agent its time',
    pod: `metadata: { deletionTimestamp: '${start}' }
status:
  phase: Running
  conditions: [{ type: DisruptionTarget, status: 'True', reason: EvictionByEvictionAPI }]
  containerStatuses: [${agentRunning}]`,
    wanted: { state: 'running' },
  },
  {
    promise: 'a disruption that has not happened yet is waited for',
    pod: `status:
  phase: Pending
  conditions: [{ type: DisruptionTarget, status: 'True', reason: PreemptionByScheduler }]`,
    wanted: { state: 'waiting' },
  },
  {
    promise: 'an init container that fails says what it said',
    pod: `spec: { initContainers: [{ name: copy-agent }] }
status:
  phase: Failed
  initContainerStatuses:
    - name: copy-agent
      state: { terminated: { exitCode: 1, reason: Error, message: 'tini-static is not in the agent image' } }
  containerStatuses: [{ name: agent, state: { waiting: { reason: PodInitializing } } }]`,
    wanted: {
      ...over('InitFailed', 'stack_error'),
      message: /copy-agent: exit code 1, Error[^]*tini-static is not in/,
    },
  },
  {
    promise: 'a sidecar that ended is no failed init container',
    pod: `spec: { initContainers: [{ name: sidecar-0, restartPolicy: Always }] }
status:
  phase: Running
  initContainerStatuses: [{ name: sidecar-0, state: { terminated: { exitCode: 1, reason: Error } } }]
  containerStatuses: [${agentRunning}]`,
    wanted: { state: 'running' },
  },
  {
    promise: 'an agent that ran out of memory is named with its signal',
    pod: `status:
  phase: Running
  containerStatuses: [{ name: agent, state: { terminated: { exitCode: 137, reason: OOMKilled } } }]`,
    wanted: {
      ...over('OOMKilled', 'agent_stop'),
      signal: 'SIGKILL',
      message: /agent: exit code 137, SIGKILL, OOMKilled/,
    },
  },
  {
    promise: 'an agent that ended without finish ends the run, even when it ended well',
    pod: `status:
  phase: Succeeded
  containerStatuses: [{ name: agent, state: { terminated: { exitCode: 0, reason: Completed } } }]`,
    wanted: { ...over('AgentExited', 'agent_stop'), message: /exit code 0, Completed/ },
  },
  {
    promise: 'an agent that could not be started never started',
    pod: `status:
  phase: Running
  containerStatuses: [{ name: agent, state: { terminated: { exitCode: 128, reason: StartError, message: no entrypoint } } }]`,
    wanted: { ...over('AgentExited', 'stack_error'), message: /no entrypoint/ },
  },
  {
    promise: 'of an agent that ended, a command that ran out of memory is told as well',
    pod: `status:
  phase: Failed
  containerStatuses:
    - { name: agent, state: { terminated: { exitCode: 1, reason: Error } } }
    - { name: container-0, state: { terminated: { exitCode: 137, reason: OOMKilled } } }`,
    wanted: { ...over('AgentExited', 'agent_stop'), message: /container-0 used more memory/ },
  },
  {
    promise: 'a command that ended is the business of the agent that runs',
    pod: `status:
  phase: Running
  containerStatuses:
    - ${agentRunning}
    - { name: container-0, state: { terminated: { exitCode: 137, reason: OOMKilled } } }`,
    wanted: { state: 'running' },
  },
  {
    promise: 'a pod that succeeded without a word of its agent ends the run',
    pod: 'status: { phase: Succeeded }',
    wanted: over('AgentExited', 'stack_error'),
  },
  {
    promise: 'a pod that failed without a reason ends the run',
    pod: 'status: { phase: Failed, message: went away }',
    wanted: { ...over('PodFailed', 'stack_error'), message: /went away/ },
  },
  ...['InvalidImageName', 'ErrImageNeverPull'].map(reason => ({
    promise: `${reason} ends the run at once`,
    pod: waitingImage(reason),
    after: 0,
    wanted: { ...over('ImagePull', 'stack_error'), message: /container-0[^]*no such thing/ },
  })),
  ...['ErrImagePull', 'ImagePullBackOff', 'ImageInspectError'].flatMap(reason => [
    {
      promise: `${reason} is waited out for half a minute`,
      pod: waitingImage(reason),
      after: 29.9,
      wanted: { state: 'waiting', reason, message: /no such thing/ } as const,
    },
    {
      promise: `${reason} ends the run after that`,
      pod: waitingImage(reason),
      after: 30,
      wanted: over('ImagePull', 'stack_error'),
    },
  ]),
  ...['CreateContainerConfigError', 'CreateContainerError'].map(reason => ({
    promise: `${reason} ends the run after half a minute`,
    pod: waitingImage(reason),
    after: 31,
    wanted: over('ContainerConfig', 'stack_error'),
  })),
  {
    promise:
      "a command's image that cannot be had ends the run although the agent runs, which waits for it",
    pod: waitingImage('ImagePullBackOff', agentRunning),
    after: 31,
    wanted: over('ImagePull', 'agent_stop'),
  },
  {
    promise: 'a pod that no node takes waits with the words of the scheduler',
    pod: `status:
  phase: Pending
  conditions: [{ type: PodScheduled, status: 'False', reason: Unschedulable, message: '0/3 nodes are available' }]`,
    wanted: { state: 'waiting', reason: 'Unschedulable', message: /0\/3 nodes/ },
  },
  {
    promise: 'containers that are being made are waited for',
    pod: `status:
  phase: Pending
  conditions: [{ type: PodScheduled, status: 'True' }]
  containerStatuses: [{ name: agent, state: { waiting: { reason: ContainerCreating } } }]`,
    after: 3600,
    wanted: { state: 'waiting', reason: 'ContainerCreating' },
  },
  {
    promise: 'a pod that nobody has looked at yet is pending',
    pod: 'status: { phase: Pending }',
    wanted: { state: 'waiting', reason: 'Pending' },
  },
  {
    promise: 'a pod that is being deleted before its agent started is not over before it is gone',
    pod: `metadata: { deletionTimestamp: '${start}' }
status: { phase: Pending, containerStatuses: [{ name: agent, state: { waiting: { reason: PodInitializing } } }] }`,
    wanted: { state: 'waiting' },
  },
  {
    promise: 'an agent that runs means that the run does',
    pod: `status: { phase: Running, containerStatuses: [${agentRunning}] }`,
    wanted: { state: 'running' },
  },
]

for (const { promise, pod, job, podSeenBefore = false, after = 0, wanted } of cases) {
  t.test(promise, async t => {
    const seen = {
      pod: pod === undefined ? undefined : (parse(pod) as V1Pod),
      job: job === undefined ? undefined : (parse(job) as V1Job),
      now: Date.parse(start) + after * 1000,
      podSeenBefore: podSeenBefore || pod !== undefined,
    }
    t.match(verdict(seen), wanted)
  })
}

t.test('the grace is counted from a start that the client library has parsed, too', async t => {
  const pod = parse(waitingImage('ErrImagePull')) as V1Pod
  const parsed = { ...pod, status: { ...pod.status, startTime: new Date(start) } }
  const now = Date.parse(start) + 30_000
  t.match(verdict({ pod: parsed, job: undefined, now, podSeenBefore: true }), { state: 'over' })
})

const refusal = 'Error creating: pods "x" is forbidden: violates PodSecurity "restricted:latest"'
const quota = 'Error creating: pods "x" is forbidden: exceeded quota: small, requested: pods=1'
const trouble =
  'Error creating: Internal error occurred: failed calling webhook "a.b": no endpoints'

for (const { said, after, wanted } of [
  { said: refusal, after: 29, wanted: { state: 'waiting', reason: 'PodRefused' } },
  { said: refusal, after: 30, wanted: over('PodRefused', 'stack_error') },
  { said: quota, after: 3600, wanted: { state: 'waiting', reason: 'PodRefused' } },
  { said: trouble, after: 3600, wanted: { state: 'waiting', reason: 'PodRefused' } },
]) {
  t.test(`a Job without a pod, after ${after} s: ${said}`, async t => {
    const job = { metadata: { uid: 'u', creationTimestamp: new Date(start) } }
    const involvedObject = { kind: 'Job', name: 'x', uid: 'u' }
    const event = { metadata: {}, involvedObject, reason: 'FailedCreate', message: said }
    const older = { ...event, lastTimestamp: new Date(start), message: 'something else' }
    const jobEvents = [older, { ...event, lastTimestamp: new Date(Date.parse(start) + 1_000) }]
    const now = Date.parse(start) + after * 1_000
    const seen = { pod: undefined, job, now, podSeenBefore: false, jobEvents }
    const found = verdict(seen)
    t.match(found, wanted)
    t.ok(found.state !== 'running' && found.message.includes(said))
    const other = { ...event, involvedObject: { ...involvedObject, uid: 'other' } }
    t.match(verdict({ ...seen, jobEvents: [other] }), { reason: 'NoPod' }, "another's event")
  })
}
