import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { isOver } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { addObject } from './harness/job-pods.js'
import { apply, eventually, kubectl } from './harness/kubectl.js'
import { stepWith } from './harness/steps.js'
import { startNeighbour, startStage, tells } from './harness/verdict-case.js'

// What policies, quotas and limits of the cluster do not let in, and what the API server does not take.

t.jobs = 6

const stage = await startStage({ maxInFlight: 8 })
const { world } = stage
const { jobs: namespace } = world.namespaces
const neighbourEnds = await startNeighbour(stage)

const containers = [{ image: jobImage, command: ['echo came through'] }]
const never = { exitStatus: -1, signalReason: 'process_run_error' } as const

/** A policy of the whole cluster, for this namespace alone, that goes with the test. */
async function deny(resource: string, group: string): Promise<void> {
  const name = `${namespace}-${resource}`
  const api = 'admissionregistration.k8s.io/v1'
  const kinds = ['ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy']
  t.teardown(async () => {
    for (const kind of kinds) await kubectl(['delete', kind, name, '--ignore-not-found'])
  })
  const operation = { apiGroups: [group], apiVersions: ['v1'], operations: ['CREATE'] }
  const expression = `!has(object.metadata.labels) || !('denied' in object.metadata.labels) || object.metadata.labels['denied'] != '${resource}'`
  await apply({
    apiVersion: api,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: {
      matchConstraints: { resourceRules: [{ ...operation, resources: [resource] }] },
      validations: [{ expression, message: `no ${resource} with this label on Saturdays` }],
    },
  })
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } }
  await apply({
    apiVersion: api,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector } },
  })
}

async function isDenied(): Promise<true | undefined> {
  const probe = ['run', 'probe', '--image', jobImage, '--labels', 'denied=pods', '-n', namespace]
  return kubectl([...probe, '--dry-run=server']).then(
    () => undefined,
    () => true as const,
  )
}

/** A quota for the pods of a PriorityClass of its own. */
async function quota(name: string, hard: Record<string, string>): Promise<string> {
  const priorityClass = `${namespace}-${name}`
  t.teardown(() => kubectl(['delete', 'priorityclass', priorityClass]).then(() => {}))
  await apply({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: priorityClass },
    value: 0,
  })
  const expression = { scopeName: 'PriorityClass', operator: 'In', values: [priorityClass] }
  const spec = { hard, scopeSelector: { matchExpressions: [expression] } }
  await addObject(world, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name }, spec })
  return priorityClass
}

await apply({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name: 'small', namespace },
  spec: { limits: [{ type: 'Container', max: { memory: '8Gi' }, default: { memory: '256Mi' } }] },
})
await deny('pods', '')
await deny('jobs', 'batch')
await eventually('the policy to be in force', isDenied, 30)

t.test("a policy that does not let the Job's pod in", t =>
  tells(t, stage, {
    pipeline: stepWith({ podSpec: { containers }, metadata: { labels: { denied: 'pods' } } }),
    said: (seen, id) => seen.eventWas(id, /^FailedCreate: .*ValidatingAdmissionPolicy/),
    end: never,
    log: [/\+\+\+ Job spawner: PodRefused/, /no pods with this label on Saturdays/],
  }),
)

t.test('a policy that does not let the Job in', t =>
  refuses(t, stepWith({ podSpec: { containers }, metadata: { labels: { denied: 'jobs' } } }), [
    /no jobs with this label on Saturdays/,
  ]),
)

/** Runs a job for which no Job is made. */
async function refuses(t: Test, pipeline: string, log: readonly RegExp[]): Promise<void> {
  const { id } = world.begin(pipeline)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 }, job.log)
  for (const words of log) t.match(job.log, words)
}

t.test('a field that the API server refuses', t =>
  refuses(t, stepWith({ podSpec: { containers, nodeSelector: { 'not a label': 'x' } } }), [
    /Kubernetes refuses the Job[^]*nodeSelector[^]*not a label/,
  ]),
)

t.test('a podSpec of more than etcd takes', t => {
  const env = Array.from({ length: 3_000 }, (_, i) => ({ name: `A${i}`, value: 'x'.repeat(500) }))
  return refuses(t, stepWith({ podSpec: { containers: [{ image: jobImage, env }] } }), [
    /the Job is too large for Kubernetes[^]*1\.5 MiB/,
  ])
})

t.test('an environment of more than the ledger takes', t => {
  const large = () => randomBytes(45_000).toString('base64')
  const env = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [`LARGE_${i}`, large()]))
  return refuses(t, stepWith({}, { image: jobImage, command: 'true', env }), [
    /the job is too large to be recorded[^]*at most 1000000 bytes when packed/,
  ])
})

t.test('a pod beyond a LimitRange', t => {
  const resources = { limits: { memory: '9Gi' } }
  return tells(t, stage, {
    pipeline: stepWith({ podSpec: { containers: [{ image: jobImage, resources }] } }),
    said: (seen, id) => seen.eventWas(id, /^FailedCreate: .*maximum memory/),
    end: never,
    log: [/\+\+\+ Job spawner: PodRefused/, /maximum memory usage per Container is 8Gi/],
  })
})

t.test('a ServiceAccount that does not exist', t =>
  tells(t, stage, {
    pipeline: stepWith({ podSpec: { serviceAccountName: 'nobody', containers } }),
    said: (seen, id) => seen.eventWas(id, /^FailedCreate: .*serviceaccount/),
    end: never,
    log: [/\+\+\+ Job spawner: PodRefused[^]*serviceaccount "nobody" not found/],
  }),
)

t.test('a quota that the pod would not fit into if it were alone', async t => {
  const resources = { requests: { cpu: '2' } }
  const priorityClassName = await quota('tiny', { 'requests.cpu': '1' })
  const cpu = { resources: { requests: { cpu: '1m' } } }
  const ours = ['agent', 'checkout', 'copy-agent'].map(name => ({ name, ...cpu }))
  const podSpecPatch = { containers: ours.slice(0, 2), initContainers: ours.slice(2) }
  const containers = [{ image: jobImage, command: ['true'], resources }]
  await tells(t, stage, {
    pipeline: stepWith({ podSpec: { priorityClassName, containers }, podSpecPatch }),
    said: (seen, id) => seen.eventWas(id, /^FailedCreate: .*exceeded quota/),
    end: never,
    log: [/\+\+\+ Job spawner: QuotaTooSmall/, /exceeded quota: tiny/],
  })
})

t.test('a quota that asks for what the pod does not say', async t => {
  const priorityClassName = await quota('asking', { 'requests.cpu': '1' })
  await tells(t, stage, {
    pipeline: stepWith({ podSpec: { priorityClassName, containers } }),
    said: (seen, id) => seen.eventWas(id, /^FailedCreate: .*must specify requests.cpu/),
    end: never,
    log: [/\+\+\+ Job spawner: PodRefused/, /must specify requests.cpu/],
  })
})

t.test('a quota that is used up is told and waited for', t => waitsForQuota(t))

async function waitsForQuota(t: Test): Promise<void> {
  const priorityClassName = await quota('full', { pods: '1' })
  const spec = {
    priorityClassName,
    containers: [{ name: 'a', image: jobImage, args: ['sleep', '600'] }],
  }
  await addObject(world, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'first' }, spec })
  const { id } = world.begin(stepWith({ podSpec: { priorityClassName, containers } }))
  const saidAt = await eventually(
    'the event',
    async () => stage.watching.eventWas(id, /exceeded quota: full/),
    30,
  )
  await world.until(id, ({ log }) => /exceeded quota: full/.test(log), 'the line')
  const seconds = (Date.now() - saidAt) / 1000
  t.ok(seconds <= 20, `told ${seconds.toFixed(1)} s after Kubernetes said so`)
  t.comment(`| ${t.name} | ${seconds.toFixed(1)} s | told while it waits |`)
  const now = ['--grace-period=0', '--force']
  await kubectl(['delete', 'pod', 'first', '-n', namespace, ...now])
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: 0 }, job.log)
  t.match(job.log, /Kubernetes says [^]*exceeded quota[^]*came through/)
}

t.test('the healthy job beside them', { buffered: false }, t => neighbourEnds(t))
