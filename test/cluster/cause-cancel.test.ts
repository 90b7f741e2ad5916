import t, { type Test } from 'tap'
import { isOver } from '../harness/builds.js'
import { agentImage, jobImage } from './harness/env.js'
import { addObject } from './harness/job-pods.js'
import { eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { stepWith } from './harness/steps.js'
import { startNeighbour, startStage } from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// What a cancel and a timeout become in the pod, and how soon.

t.jobs = 6

const stage = await startStage({
  maxInFlight: 10,
  config: {
    'agent-config': {
      hooksVolume: { name: 'hooks', configMap: { name: 'hooks', defaultMode: 0o555 } },
    },
  },
})
const { world, watching } = stage
const { upstream, namespaces } = world
const hook = '#!/bin/sh\necho "pre-exit hook in $BUILDKITE_BOOTSTRAP_PHASES"\n'
await addObject(world, {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'hooks' },
  data: { 'pre-exit': hook },
})
const neighbourEnds = await startNeighbour(stage)

const ready = /ready\r*\n/

/** Says when it gets its SIGTERM, to the millisecond; the default image has a date that can. */
function trapping(then: string): object {
  const trap = `trap 'echo "term at $(date +%s%3N)"; ${then}' TERM`
  // The whole group gets the signal, the sleepers too.
  const work = 'while true; do sleep 1 || true; done'
  return { command: `${trap}; echo ready; echo kept > kept.txt; ${work}` }
}

function termAt(log: string): number {
  return Number(/term at (\d{13})/.exec(log)?.[1])
}

/** Prints a row of the table, and asserts that it did not take much more than the two seconds that it may. */
function inTime(t: Test, seconds: number, what: string): void {
  t.ok(seconds < 10, `${what} after ${seconds.toFixed(1)} s`)
  t.comment(`| ${t.name} | ${seconds.toFixed(1)} s | ${what} |`)
}

async function begun(pipeline: string): Promise<string> {
  const { id } = world.begin(pipeline)
  await world.until(id, ({ log }) => ready.test(log), 'the command to run')
  return id
}

t.test('a cancelled command is told, tidies up, and the agent finishes its work', async t => {
  const step = { ...trapping('sleep 2; echo tidy; exit 3'), artifact_paths: 'kept.txt' }
  const id = await begun(JSON.stringify({ steps: [step] }))
  upstream.cancelJob(id)
  const cancelledAt = Date.now()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'canceled', finishCount: 1 }, job.log)
  inTime(t, (termAt(job.log) - cancelledAt) / 1000, 'SIGTERM in the command container')
  t.match(job.log, /term at[^]*tidy[^]*pre-exit hook in [^]*command/, 'and the hooks after it')
  const uploaded = upstream.artifacts(job.buildId).map(({ path, state }) => ({ path, state }))
  t.same(uploaded, [{ path: 'kept.txt', state: 'finished' }])
})

t.test('a command that does not heed SIGTERM has its grace, and no more', async t => {
  const podSpec = {
    terminationGracePeriodSeconds: 20,
    containers: [{ image: agentImage }],
  }
  const step = trapping('echo never mind')
  const id = await begun(
    JSON.stringify({ steps: [{ ...step, plugins: [{ kubernetes: { podSpec } }] }] }),
  )
  upstream.cancelJob(id)
  const cancelledAt = Date.now()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'canceled', finishCount: 1 }, job.log)
  inTime(t, (termAt(job.log) - cancelledAt) / 1000, 'SIGTERM in the command container')
  // Ten seconds of the pod's grace are for tidying up.
  const grace = ((job.times.finished ?? 0) - termAt(job.log)) / 1000
  t.ok(grace > 7 && grace < 25, `${grace.toFixed(1)} s of grace`)
  t.comment(`it had ${grace.toFixed(1)} s of grace`)
})

/** Cancels a job whose pod is pending. */
async function losesItsPod(t: Test, id: string): Promise<void> {
  upstream.cancelJob(id)
  const cancelledAt = Date.now()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 }, job.log)
  const goneAt = await eventually('the pod to be gone', async () => watching.podGone(id), 30)
  inTime(t, (goneAt - cancelledAt) / 1000, 'the pod is gone')
}

t.test('a job that is cancelled while its pod has no node loses its pod at once', async t => {
  const podSpec = { nodeSelector: { nowhere: 'true' }, containers: [{ image: jobImage }] }
  const { id } = world.begin(stepWith({ podSpec }, { command: 'true' }))
  await eventually('the pod', async () => watching.lastPod(id), 30)
  await losesItsPod(t, id)
})

t.test('a job that is cancelled while its image is awaited loses its pod at once', async t => {
  const containers = [{ image: 'registry.invalid/app:1' }]
  const sidecars = [{ name: 'db', image: 'registry.invalid/db:1' }]
  const { id } = world.begin(stepWith({ podSpec: { containers }, sidecars }, { command: 'true' }))
  await eventually('the pull', async () => watching.eventWas(id, /^Pulling: .*db:1/), 30)
  await losesItsPod(t, id)
})

t.test('a job that runs out of its time is stopped as a cancelled one is', async t => {
  const step = { ...trapping('echo tidy; exit 3'), timeout_in_minutes: 1 }
  const id = await begun(JSON.stringify({ steps: [step] }))
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'timed_out', finishCount: 1 }, job.log)
  const { started = 0 } = job.times
  inTime(t, (termAt(job.log) - started) / 1000 - 60, 'SIGTERM in the command container')
  t.match(job.log, /term at[^]*tidy[^]*pre-exit hook/)
})

t.test('a job that is retried has a Job of its own', async t => {
  const step = {
    command: 'echo "try $BUILDKITE_RETRY_COUNT"; exit $((3 - 3 * BUILDKITE_RETRY_COUNT))',
  }
  const retry = { automatic: [{ exit_status: 3, limit: 1 }] }
  const build = await world.run(JSON.stringify({ steps: [{ ...step, retry }] }))
  t.equal(build.state, 'passed')
  t.same(
    build.jobs.map(({ exitStatus }) => exitStatus),
    [3, 0],
  )
})

t.test(
  'a job that is cancelled before it has a Job never makes one',
  { buffered: false },
  async t => {
    const spec = { hard: { 'count/jobs.batch': '0' } }
    await addObject(world, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'none' },
      spec,
    })
    const { id } = world.begin(JSON.stringify({ steps: [{ command: 'echo never' }] }))
    await world.until(id, ({ log }) => /exceeded quota: none/.test(log), 'the line')
    upstream.cancelJob(id)
    const cancelledAt = Date.now()
    const job = await world.until(id, isOver, 'the end of the job')
    t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 }, job.log)
    inTime(t, ((job.times.finished ?? 0) - cancelledAt) / 1000, 'the job has ended')
    await kubectl(['delete', 'resourcequota', 'none', '-n', namespaces.jobs])
    // Room for those that are tried again: a job that comes later has its Job.
    const later = await world.run(JSON.stringify({ steps: [{ command: 'true' }] }))
    t.equal(later.state, 'passed')
    const selector = ['-l', `buildkite.com/job-uuid=${id}`]
    const list = ['get', 'jobs', '-n', namespaces.jobs, ...selector]
    t.same((await kubectlJson<{ items: object[] }>(list)).items, [])
    t.equal(watching.podWas(id, containerIs('agent', 'running')), undefined)
  },
)

t.test('the healthy job beside them', { buffered: false }, t => neighbourEnds(t))
