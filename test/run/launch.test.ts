import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { createJob, launch } from '../../lib/run/launch.js'
import { jobName } from '../../lib/pod/metadata.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { contextOf, jobId, jobUpstream, payload, runAt, tiled } from './run-of.js'

const busy = () => new ClusterError({ status: 429, message: 'too many requests' })
const quota = () =>
  new ClusterError({ status: 403, message: 'pods is forbidden: exceeded quota: compute' })

function throwing(...errors: Error[]) {
  return (attempt: number) => {
    const error = errors[attempt]
    if (error) throw error
  }
}

t.test('a job is started before its Job is made, and the Job holds a token of ours', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  cluster.onCreate = () => t.equal(upstream.starts(), 1)
  await launch(run, context)
  t.ok(run.jobCreated)
  t.equal(cluster.created[0]?.metadata?.name, jobName(jobId))
  const manifest = JSON.stringify(cluster.created[0])
  t.match(manifest, /jsr_/)
  t.notMatch(manifest, /job-token|session-token|jss_|jsj_/)
})

t.test('passing refusals are told in the log once in a while, and waited out', async t => {
  const upstream = await jobUpstream(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint, { clock })
  cluster.onCreate = throwing(busy(), quota(), busy(), busy(), quota(), busy(), busy(), busy())
  const launched = launch(run, context)
  let launchedYet = false
  void launched.then(() => (launchedYet = true))
  const from = clock.now()
  while (!launchedYet) {
    clock.advance(1_000)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
  t.ok(run.jobCreated)
  t.equal(cluster.created.length, 1)
  await run.finishFromPod({ exit_status: '0' })
  const log = tiled(upstream.chunks()) ?? 'a hole'
  const told = log.match(/Kubernetes does not take the Job yet/g)?.length ?? 0
  const seconds = (clock.now() - from) / 1_000
  t.ok(told >= 1 && told <= 1 + seconds / 30, `${told} lines in ${seconds} s`)
  t.match(log, /too many requests/)
})

t.test('a Retry-After of the API server is kept', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster, clock } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const slow = new ClusterError({ status: 429, message: 'slow down', retryAfterMs: 17_000 })
  cluster.onCreate = throwing(slow)
  await launch(run, context)
  t.ok(clock.slept.includes(17_000))
})

t.test("a final refusal ends the run with the API server's own words", async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const message = 'admission webhook "policy" denied the request: no root'
  cluster.onCreate = throwing(new ClusterError({ status: 403, message }))
  await launch(run, context)
  t.match(await run.ended, { by: 'spawner', exitStatus: -1 })
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'agent_refused' }])
  t.ok(tiled(upstream.chunks())?.includes(message))
})

t.test('a step that can not become a Job ends with what is wrong with it', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const plugins = JSON.stringify([
    { 'github.com/buildkite-plugins/kubernetes-buildkite-plugin': { podspec: {} } },
  ])
  const env = { ...payload.env, BUILDKITE_PLUGINS: plugins }
  const { run } = runAt(t, upstream.endpoint, { payload: { ...payload, env } })
  await launch(run, context)
  t.equal(cluster.created.length, 0)
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'agent_refused' }])
  t.match(tiled(upstream.chunks()), /did you mean podSpec\?/)
})

t.test('a start whose answer was lost is known by the state of the job', async t => {
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/start') ? { status: 422 } : undefined,
  )
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, context)
  t.equal(cluster.created.length, 1)
  await until(() => upstream.chunks().length === 1)
  t.match(upstream.chunks(), [{ sequence: 1, offset: 0 }])
})

t.test('a job that upstream gave to somebody else makes no Job', async t => {
  const upstream = await jobUpstream(t, ({ path, method }) =>
    path.endsWith('/start') ? { status: 422 } : method === 'GET' ? { status: 401 } : undefined,
  )
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, context)
  t.match(await run.ended, { by: 'upstream' })
  t.equal(cluster.created.length, 0)
  t.same(upstream.finishes(), [])
})

t.test('a job that was cancelled before its start is finished, not left hanging', async t => {
  const upstream = await jobUpstream(t, ({ path, method }) => {
    if (path.endsWith('/start')) return { status: 422 }
    return method === 'GET' ? { json: { state: 'canceling' } } : undefined
  })
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, context)
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'cancel' }])
  t.match(tiled(upstream.chunks()), /JobCancelled/)
  t.equal(cluster.created.length, 0)
})

t.test('a Job that was made after all while its run ended is deleted', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  cluster.onCreate = () => run.endedUpstream('gone')
  await launch(run, context)
  t.same(cluster.deleted, [jobName(jobId)])
})

t.test('the end of a run ends the waiting for its Job', async t => {
  const upstream = await jobUpstream(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint)
  cluster.onCreate = () => {
    throw busy()
  }
  const creating = createJob(run, context)
  await until(() => clock.sleeping > 0)
  run.endedUpstream('gone')
  await creating
  t.equal(cluster.created.length, 0)
})
