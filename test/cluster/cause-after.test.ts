import { setTimeout as delay } from 'node:timers/promises'
import type { CoreV1Event, V1Job } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import type { JobView } from '../../lib/sandbox/buildkite/views.js'
import { isOver } from '../harness/builds.js'
import { programEnv, jobImage } from './harness/env.js'
import { exec } from './harness/exec.js'
import { podsOf } from './harness/job-pods.js'
import { apply, eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { stepWith } from './harness/steps.js'
import { startStage } from './harness/verdict-case.js'
import { containerIs } from './harness/watching.js'

// What stays of a job when it has ended, for how long, and what Kubernetes can tell of it.

t.jobs = 6

const stage = await startStage({
  maxInFlight: 8,
  flags: { 'max-hold-on-failure': '2m', 'lease-duration': '4s' },
})
const { world, watching } = stage
const { jobs: namespace } = world.namespaces

const hangs = ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done']

async function ended(t: Test, pipeline: string, end: object): Promise<JobView> {
  const { id } = world.begin(pipeline)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', finishCount: 1, ...end }, job.log)
  return job
}

/** Seconds from the end of a job until no container of its pod runs any more. */
async function quietAfter(jobId: string, finishedAt: number): Promise<number> {
  const quietAt = await eventually(
    'the end of all containers',
    async () =>
      watching.podGone(jobId) ??
      watching.podWas(jobId, ({ status }) => /Succeeded|Failed/.test(status?.phase ?? '')),
    90,
  )
  return (quietAt - finishedAt) / 1000
}

t.test('a failed step that asks for it stays, and its log says how to get in', async t => {
  const step = { image: jobImage, command: 'echo evidence > /tmp/left; exit 5' }
  const job = await ended(t, stepWith({ holdOnFailure: '20s' }, step), { exitStatus: 5 })
  const line = /kubectl exec [^\r\n]*/.exec(job.log)?.[0] ?? ''
  t.match(line, /^kubectl exec -it --namespace \S+ \S+ -c container-0 -- \/bin\/sh$/)
  // As a person would, and what the terminal would send. On a busy machine kubectl may lose the answer.
  const look = () => exec('sh', ['-c', line], { input: 'cat /tmp/left\n', env: programEnv })
  await eventually(
    'the file as the command left it',
    async () => /evidence/.test(await look()) || undefined,
    15,
  )
  await eventually(
    'the end of the hold',
    async () => watching.podWas(job.id, containerIs('container-0', 'terminated')),
    60,
  )
  const stayed = await quietAfter(job.id, job.times.finished ?? 0)
  t.ok(stayed > 15 && stayed < 45, `it stayed for ${stayed.toFixed(0)} s`)
  t.comment(`| ${t.name} | ${stayed.toFixed(1)} s | the pod has gone |`)
})

t.test('a step that asks for it and passes does not stay', async t => {
  const step = { image: jobImage, command: 'true' }
  const job = await ended(t, stepWith({ holdOnFailure: '60s' }, step), { exitStatus: 0 })
  const stayed = await quietAfter(job.id, job.times.finished ?? 0)
  t.ok(stayed < 20, `it stayed for ${stayed.toFixed(1)} s`)
})

t.test('a step that asks for more than the operator allows is told', async t => {
  const step = { image: jobImage, command: 'true' }
  const job = await ended(t, stepWith({ holdOnFailure: '1h' }, step), { exitStatus: 0 })
  t.match(job.log, /holdOnFailure of 1h is cut to 2m[^]*max-hold-on-failure/)
})

t.test('a sidecar that does not heed SIGTERM goes after the grace', async t => {
  const podSpec = {
    terminationGracePeriodSeconds: 6,
    containers: [{ image: jobImage, command: ['true'] }],
  }
  const sidecars = [{ name: 'stubborn', image: jobImage, command: hangs }]
  const job = await ended(t, stepWith({ podSpec, sidecars }), { exitStatus: 0 })
  const seconds = await quietAfter(job.id, job.times.finished ?? 0)
  t.ok(seconds < 30, `${seconds.toFixed(1)} s after the finish`)
  t.comment(`| ${t.name} | ${seconds.toFixed(1)} s | no container runs |`)
})

t.test('a container that a patch adds and that never ends goes soon after the finish', async t => {
  const podSpec = {
    terminationGracePeriodSeconds: 6,
    containers: [{ image: jobImage, command: ['true'] }],
  }
  const added = { name: 'db', image: jobImage, command: hangs }
  const job = await ended(t, stepWith({ podSpec, podSpecPatch: { containers: [added] } }), {
    exitStatus: 0,
  })
  const seconds = await quietAfter(job.id, job.times.finished ?? 0)
  t.ok(seconds < 45, `${seconds.toFixed(1)} s after the finish`)
  t.comment(`| ${t.name} | ${seconds.toFixed(1)} s | no container runs |`)
  t.equal((await jobOf(job.id)).metadata?.deletionTimestamp, undefined, 'the Job stays to be read')
})

async function jobOf(jobId: string): Promise<V1Job> {
  return kubectlJson<V1Job>(['get', 'job', `buildkite-${jobId}`, '-n', namespace])
}

t.test('kubectl describe job tells how the job ended, and where its build is', async t => {
  const passes = await ended(t, stepWith({}, { image: jobImage, command: 'true' }), {})
  const containers = [{ image: 'local/none:1', imagePullPolicy: 'Never' }]
  const fails = await ended(t, stepWith({ podSpec: { containers } }, { command: 'true' }), {})
  for (const [job, words] of [
    [passes, /Normal +Finished +.* job-spawner +.*exit status 0/],
    [fails, /Warning +ImageNeverPull +.* job-spawner +.*local\/none:1/],
  ] as const) {
    const described = await eventually(
      'the event',
      async () => {
        const text = await kubectl(['describe', 'job', `buildkite-${job.id}`, '-n', namespace])
        return words.test(text) ? text : undefined
      },
      20,
    )
    t.match(described, new RegExp(`build-url: \\S+/builds/\\d+`))
  }
  const { items } = await kubectlJson<{ items: CoreV1Event[] }>(['get', 'events', '-n', namespace])
  const ours = items.filter(
    ({ source, involvedObject }) =>
      source?.component === 'job-spawner' && involvedObject.name === `buildkite-${passes.id}`,
  )
  t.equal(ours.length, 1, 'one of a job')
})

t.test(
  'a Job of a former installation of this name is listed, and left alone',
  { buffered: false },
  async t => {
    const { id } = world.begin(stepWith({}, { image: jobImage, command: 'sleep 12' }))
    const [pod] = await eventually(
      'the pod',
      async () => {
        const pods = await podsOf(world, id)
        return pods.length > 0 ? pods : undefined
      },
      30,
    )
    const labels = { ...pod?.metadata?.labels }
    for (const name of Object.keys(labels))
      if (/job-name|controller-uid/.test(name)) delete labels[name]
    const instance = labels['job-spawner/instance'] ?? ''
    labels['job-spawner/instance'] = instance.replace(/^[^.]+/, 'another-namespace')
    labels['buildkite.com/job-uuid'] = '00000000-0000-4000-8000-000000000000'
    const containers = [{ name: 'a', image: jobImage, command: ['sleep', '60'] }]
    await apply({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'former', namespace, labels },
      spec: { template: { metadata: { labels }, spec: { restartPolicy: 'Never', containers } } },
    })
    const from = world.spawner.log.length
    await world.spawner.kill('SIGKILL')
    world.spawner.start()
    const listed = await world.spawner.waitForLog(({ name }) => name === 'former', { from })
    t.match(listed, { msg: /former installation/, command: /^kubectl delete job former / })
    const job = await world.until(id, isOver, 'the end of the job')
    t.match(job, { exitStatus: 0, finishCount: 1 }, job.log)
    await delay(3_000)
    const former = await kubectlJson<V1Job>(['get', 'job', 'former', '-n', namespace])
    t.equal(former.metadata?.deletionTimestamp, undefined)
  },
)
