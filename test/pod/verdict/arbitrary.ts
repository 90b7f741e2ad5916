// Pods as they might be: parts missing, null where nothing is, times of any kind, reasons that nobody knows.
import fc from 'fast-check'
import type { Seen } from '../../../lib/pod/verdict/judgement.js'
import { situations } from './situation.js'

const messages = situations().flatMap(({ content: { pod, events = [], jobEvents = [] } }) => [
  ...[...events, ...jobEvents].map(({ message }) => message ?? ''),
  ...(pod?.status?.containerStatuses ?? []).map(({ state }) => state?.waiting?.message ?? ''),
])

const words = [
  ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'CreateContainerConfigError'],
  ...['CreateContainerError', 'CrashLoopBackOff', 'OOMKilled', 'StartError', 'Error', 'Unknown'],
  ...['Evicted', 'Terminated', 'FailedMount', 'FailedCreatePodSandBox', 'FailedCreate', 'Killing'],
  ...['Preempted', 'Unschedulable', 'SchedulingGated', 'DeadlineExceeded', 'EvictionByEvictionAPI'],
]

const names = fc.constantFrom('agent', 'checkout', 'container-0', 'side', 'copy-agent', 'db')
const nothing = fc.constantFrom(undefined, null)
const reason = fc.oneof(fc.constantFrom(...words), fc.string(), nothing)
const message = fc.oneof(fc.constantFrom(...messages), fc.string(), nothing)
const time = fc.oneof(
  fc.date({ min: new Date(0), max: new Date(2e12) }),
  fc
    .date({ noInvalidDate: true, min: new Date(0), max: new Date(2e12) })
    .map(one => one.toISOString()),
  fc.constantFrom('', 'soon', null, undefined),
)
const exitCode = fc.oneof(fc.constantFrom(0, 1, 125, 128, 137, 143, 255), fc.integer(), nothing)
const odd = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 6, arbitrary }, nothing)
const some = <T>(arbitrary: fc.Arbitrary<T>) => odd(fc.array(odd(arbitrary), { maxLength: 5 }))

function record(fields: Record<string, fc.Arbitrary<unknown>>) {
  return fc.record(fields, { requiredKeys: [] })
}

const state = fc.oneof(
  record({ running: record({ startedAt: time }) }),
  record({ waiting: record({ reason, message }) }),
  record({ terminated: record({ exitCode, reason, message, finishedAt: time, signal: exitCode }) }),
  nothing,
)
const status = record({
  name: names,
  state,
  lastState: state,
  restartCount: fc.oneof(fc.nat({ max: 5 }), nothing),
  started: fc.oneof(fc.boolean(), nothing),
})
const resources = record({ limits: odd(fc.dictionary(fc.constant('memory'), fc.string())) })
const container = record({
  name: names,
  image: message,
  restartPolicy: fc.constantFrom('Always', undefined),
  env: some(record({ name: fc.constantFrom('BUILDKITE_CONTAINER_ID', 'A'), value: fc.string() })),
  resources: odd(resources),
})
const condition = record({
  type: fc.constantFrom('PodScheduled', 'Initialized', 'DisruptionTarget', 'Ready', 'Failed', 'X'),
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason,
  message,
  lastTransitionTime: time,
})
const meta = record({
  name: message,
  uid: reason,
  creationTimestamp: time,
  deletionTimestamp: time,
})
const pod = record({
  metadata: odd(meta),
  spec: odd(
    record({
      nodeName: reason,
      schedulerName: message,
      nodeSelector: odd(fc.dictionary(fc.string(), fc.string())),
      initContainers: some(container),
      containers: some(container),
      resources: odd(resources),
    }),
  ),
  status: odd(
    record({
      phase: fc.constantFrom('Pending', 'Running', 'Failed', 'Succeeded', 'Unknown', undefined),
      reason,
      message,
      startTime: time,
      conditions: some(condition),
      initContainerStatuses: some(status),
      containerStatuses: some(status),
    }),
  ),
})
const job = record({
  metadata: odd(meta),
  spec: odd(record({ suspend: fc.boolean() })),
  status: odd(record({ startTime: time, active: fc.nat({ max: 1 }), conditions: some(condition) })),
})
const event = record({
  metadata: odd(meta),
  involvedObject: odd(
    record({ kind: fc.constantFrom('Pod', 'Job'), uid: reason, fieldPath: message }),
  ),
  reason,
  message,
  lastTimestamp: time,
  eventTime: time,
})
const agent = fc.record({
  silentMs: fc.oneof(fc.nat({ max: 100_000 }), fc.constant(undefined)),
  writing: fc.boolean(),
  polledMs: fc.oneof(fc.nat({ max: 100_000 }), fc.constantFrom('never', undefined)),
})

/** Whatever a run may look like. */
export const anything = fc.record({
  pod: fc.oneof({ weight: 9, arbitrary: pod }, fc.constant(undefined)),
  job: fc.oneof(job, fc.constant(undefined)),
  events: some(event),
  jobEvents: some(event),
  node: odd(record({ metadata: odd(meta), status: odd(record({ conditions: some(condition) })) })),
  agent: fc.oneof(agent, fc.constant(undefined)),
  podSeenBefore: fc.boolean(),
  now: fc.oneof(fc.constant(0), fc.nat({ max: 2e12 })),
  limits: fc.constant({ imagePullMs: 30_000, pendingMs: 900_000, emptyJobMs: 30_000 }),
}) as fc.Arbitrary<unknown> as fc.Arbitrary<Seen>
