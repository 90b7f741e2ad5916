import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { createJob, launch } from '../../lib/run/launch.js'
import { HandClock, HastyClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { contextOf, jobUpstream, payload, runAt, tiled, name } from './run-of.js'

const busy = () => new ClusterError({ status: 429, message: 'too many requests' })
const quota = () =>
  new ClusterError({ status: 403, message: 'pods is forbidden: exceeded quota: compute' })

function throwing(...errors: Error[]) {
  return (attempt: number) => {
    const error = errors[attempt]
    if (error) throw error
  }
}

t.test('a job is started before its Job is made, and the Job holds no secret', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  cluster.onCreate = () => t.equal(upstream.starts(), 1)
  await launch(run, context)
  t.ok(run.jobCreated)
  t.equal(cluster.created[0]?.metadata?.name, name)
  const manifest = JSON.stringify(cluster.created[0])
  t.notMatch(manifest, /job-token|session-token|js[a-z]_/)
  t.notOk(manifest.includes(run.secret))
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

t.test('while the Job is refused, the ledger knows that there is none', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run, kept, clock } = runAt(t, upstream.endpoint)
  cluster.onCreate = throwing(quota())
  await launch(run, context)
  t.equal(kept.at(-1)?.noJobAt, clock.now())
})

t.test('a ledger that refuses the lines about a refusal does not end the wait', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const keep = () => Promise.reject(new ClusterError({ status: 403, message: 'no secrets' }))
  const { run } = runAt(t, upstream.endpoint, { keep })
  cluster.onCreate = throwing(busy(), busy())
  await launch(run, context)
  t.equal(cluster.created.length, 1)
  t.notOk(run.over)
})

t.test('a Retry-After of the API server is kept', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster, clock } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const slow = new ClusterError({ status: 429, message: 'slow down', retryAfterMs: 13_000 })
  cluster.onCreate = throwing(slow)
  await launch(run, context)
  t.ok(clock.slept.includes(13_000))
})

t.test("a final refusal ends the run with the API server's own words", async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const message = 'admission webhook "policy" denied the request: no root'
  cluster.onCreate = throwing(new ClusterError({ status: 403, message }))
  await launch(run, context)
  t.match(await run.ended, { by: 'spawner', exitStatus: -1, fault: 'job' })
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'agent_refused' }])
  t.ok(tiled(upstream.chunks())?.includes(message))
})

t.test('what we may not do is no fault of the step', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const message = 'jobs.batch is forbidden: User "x" cannot create resource "jobs"'
  cluster.onCreate = throwing(new ClusterError({ status: 403, message }))
  await launch(run, context)
  t.match(await run.ended, { by: 'spawner', fault: 'cluster' })
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'stack_error' }])
})

t.test('a Job that is too large is called so, whatever the API server says of it', async t => {
  const key = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'
  const env = Array.from({ length: 300 }, (_, i) => ({ name: `A${i}`, value: 'x'.repeat(5_000) }))
  const plugins = JSON.stringify([{ [key]: { podSpec: { containers: [{ image: 'a:1', env }] } } }])
  const large = { payload: { ...payload, env: { ...payload.env, BUILDKITE_PLUGINS: plugins } } }
  for (const { given, status, message } of [
    { given: large, status: 422, message: 'spec.selector: `selector` not auto-generated' },
    { given: {}, status: 413, message: 'Request entity too large: limit is 3145728' },
    { given: {}, status: 500, message: 'etcdserver: request is too large' },
  ]) {
    const upstream = await jobUpstream(t)
    const { context, cluster } = contextOf(t)
    const { run } = runAt(t, upstream.endpoint, given)
    cluster.onCreate = throwing(new ClusterError({ status, message }))
    await launch(run, context)
    t.match(tiled(upstream.chunks()), /the Job is too large for Kubernetes[^]*1\.5 MiB/)
    t.ok(tiled(upstream.chunks())?.includes(message))
  }
})

t.test('a fault of ours ends the run, and is called so', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  cluster.onCreate = throwing(new TypeError('x is not a function'))
  await launch(run, context)
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'stack_error' }])
  t.match(tiled(upstream.chunks()), /a fault of the job spawner[^]*x is not a function/)
  t.match(run.ending, { fault: 'cluster' }, 'and a retry may help')
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
  t.same(cluster.deleted, [name])
})

/** A finish that upstream does not answer until it is told to. */
function heldFinish() {
  let release = () => {}
  const script = ({ path }: { path: string }) =>
    path.endsWith('/finish')
      ? new Promise<{ json: object }>(resolve => (release = () => resolve({ json: {} })))
      : undefined
  return { script, release: () => release() }
}

t.test('a run that is being ended makes no Job, however it got so far', async t => {
  const { script, release } = heldFinish()
  const upstream = await jobUpstream(t, script)
  const { context, cluster } = contextOf(t)
  cluster.templates.set('go', template)
  const { run } = runAt(t, upstream.endpoint, templated({ podTemplate: 'go' }))
  let end: Promise<void> | undefined
  // Between the start and the create, and again between two tries of it.
  cluster.onTemplate = () => {
    end = run.end({ cause: 'x', message: 'y', exitStatus: -1 })
  }
  void launch(run, context)
  await until(() => upstream.finishes().length === 1)
  release()
  await end
  t.same(cluster.created, [])
  const refused = runAt(t, (await jobUpstream(t)).endpoint).run
  cluster.onCreate = () => {
    end = refused.end({ cause: 'x', message: 'y', exitStatus: -1 })
    throw busy()
  }
  await launch(refused, context)
  await end
  t.same(cluster.created, [])
})

t.test('a run that was cancelled while it was written down is not started', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  await run.end({ cause: 'x', message: 'y', exitStatus: -1 })
  await launch(run, context)
  t.equal(upstream.starts(), 0)
  t.same(cluster.created, [])
})

t.test('a create without an answer is followed by a delete when the run has ended', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  cluster.createJob = async job => {
    cluster.jobs.set(name, job)
    run.endedUpstream('cancelled')
    throw new ClusterError({ message: 'no answer' })
  }
  await launch(run, context)
  await until(() => cluster.deleted.length > 0)
  t.same(cluster.deleted, [name])
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

const templated = (plugin: object) => {
  const key = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'
  const env = { ...payload.env, BUILDKITE_PLUGINS: JSON.stringify([{ [key]: plugin }]) }
  return { payload: { ...payload, env } }
}
const template = {
  template: {
    spec: { nodeSelector: { disk: 'fast' }, containers: [{ name: 'main', image: 'golang:1' }] },
  },
}

t.test('a step that names a PodTemplate gets its podSpec', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  cluster.templates.set('go', template)
  const { run } = runAt(t, upstream.endpoint, templated({ podTemplate: 'go' }))
  await launch(run, context)
  t.match(cluster.created[0]?.spec?.template.spec, {
    nodeSelector: { disk: 'fast' },
    restartPolicy: 'Never',
  })
  t.match(JSON.stringify(cluster.created[0]), /golang:1/)
})

t.test('no PodTemplate is asked for when the step has none, or a podSpec of its own', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const own = { podTemplate: 'go', podSpec: { containers: [{ image: 'own:1' }] } }
  for (const given of [{}, templated(own)]) {
    await launch(runAt(t, upstream.endpoint, given).run, context)
  }
  t.equal(cluster.templateLooks, 0)
})

t.test('a PodTemplate that is not there ends the run, and says which and where', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint, templated({ podTemplate: 'goo' }))
  await launch(run, context)
  t.match(await run.ended, { by: 'spawner', exitStatus: -1 })
  t.match(tiled(upstream.chunks()), /podTemplate[^]*a PodTemplate "goo" in namespace jobs/)
  t.equal(cluster.created.length, 0)
})

t.test('one that we may not read ends the run with the right that is missing', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const message = 'podtemplates "go" is forbidden: User "x" cannot get resource'
  cluster.onTemplate = throwing(new ClusterError({ status: 403, message }))
  const { run } = runAt(t, upstream.endpoint, templated({ podTemplate: 'go' }))
  await launch(run, context)
  const log = tiled(upstream.chunks())
  t.match(log, /the right to get podtemplates in namespace jobs/)
  t.ok(log?.includes(message))
})

t.test('passing faults on the way to a PodTemplate are told and waited out', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  cluster.templates.set('go', template)
  cluster.onTemplate = throwing(busy(), new ClusterError({ message: 'no answer' }), busy())
  const { run } = runAt(t, upstream.endpoint, templated({ podTemplate: 'go' }))
  await launch(run, context)
  t.equal(cluster.templateLooks, 4)
  t.equal(cluster.created.length, 1)
  await run.finishFromPod({ exit_status: '0' })
  t.match(tiled(upstream.chunks()), /Kubernetes does not give the PodTemplate go yet.*too many/)
})

t.test('a field that Kubernetes does not know ends the run with its words', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint)
  const message = 'strict decoding error: unknown field "spec.template.spec.x"'
  cluster.onCreate = throwing(new ClusterError({ status: 400, message, reason: 'BadRequest' }))
  await launch(run, context)
  t.ok(tiled(upstream.chunks())?.includes(message))
})

t.test('the Job has the name that the run was given, whatever the prefix is now', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const pod = { ...context.pod, jobPrefix: 'another-' }
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, { ...context, pod })
  t.equal(cluster.created[0]?.metadata?.name, name)
})

t.test('an upstream that is away longer than start is tried loses no job', async t => {
  let away = 20
  const upstream = await jobUpstream(t, ({ path, method }) => {
    if (path.endsWith('/start') || method === 'GET')
      return away-- > 0 ? { status: 503 } : method === 'GET' ? { json: { state: 'accepted' } } : {}
    return undefined
  })
  const { context, cluster } = contextOf(t, { clock: new HastyClock() })
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, context)
  t.equal(cluster.created.length, 1)
  t.notOk(run.over)
})

t.test('a start that was processed before upstream went away is found running', async t => {
  let gets = 0
  const upstream = await jobUpstream(t, ({ path, method }) => {
    if (path.endsWith('/start')) return { status: 500 }
    if (method === 'GET') return ++gets < 4 ? { raw: '<html>' } : { json: { state: 'running' } }
    return undefined
  })
  const { context, cluster } = contextOf(t, { clock: new HastyClock() })
  const { run } = runAt(t, upstream.endpoint)
  await launch(run, context)
  t.equal(cluster.created.length, 1)
})

t.test('an API server that does not answer is told of in the log', async t => {
  const upstream = await jobUpstream(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint, { clock })
  let answer = () => {}
  cluster.onCreate = () => new Promise<void>(resolve => (answer = resolve))
  const launched = launch(run, context)
  await until(() => clock.sleeping === 1)
  clock.advance(15_000)
  await until(() => upstream.chunks().length === 2)
  t.match(upstream.chunks()[1], { text: /does not take the Job yet.*does not answer/ })
  answer()
  await launched
  t.ok(run.jobCreated)
})

t.test('a cancelled run waits for no answer of the API server', async t => {
  const upstream = await jobUpstream(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint, { clock, ...templated({ podTemplate: 'go' }) })
  cluster.onTemplate = () => new Promise(() => undefined)
  const launched = launch(run, context)
  await until(() => cluster.templateLooks === 1)
  run.endedUpstream('cancelled')
  await launched
  t.same(cluster.created, [])
})

t.test('a Job that may have been made is not called missing', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run, kept } = runAt(t, upstream.endpoint)
  cluster.onCreate = throwing(new ClusterError({ message: 'no answer' }), quota())
  const from = kept.length
  cluster.createJob = async () => {
    if (kept.length > from) throw new ClusterError({ status: 400, message: 'enough' })
    throw new ClusterError({ message: 'no answer' })
  }
  await launch(run, context)
  t.ok(run.jobMayExist)
  t.equal(kept.at(-1)?.noJobAt, undefined)
})

t.test('a hold that the operator cuts is told in the log', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const { run } = runAt(t, upstream.endpoint, templated({ holdOnFailure: '10m' }))
  await launch(run, context)
  t.equal(cluster.created.length, 1)
  await until(() => upstream.chunks().length === 2)
  t.match(tiled(upstream.chunks()), /holdOnFailure of 10m is left out/)
})
