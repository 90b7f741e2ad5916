import t from 'tap'
import {
  accepted,
  call,
  chunk,
  connected,
  emulator,
  finish,
  running,
  start,
  token,
} from './client.js'

t.test('a job goes from ping to finish in the order of the trace, and no one objects', async t => {
  const upstream = await emulator(t)
  const log: string[] = []
  upstream.on('log', (_, text) => log.push(text))
  const build = upstream.createBuild('steps: [{ command: echo hello, label: Hello, key: hi }]')
  const session = await connected(upstream)
  const job = await accepted(upstream, session)
  t.equal(upstream.job(job.id).state, 'accepted')
  t.equal((await start(upstream, job)).status, 200)
  const first = '\u001b_bk;t=1787300000000\u0007~~~ Preparing\r\n'
  t.equal((await chunk(upstream, job, first, { sequence: 1, offset: 0 })).status, 201)
  const poll = await call(upstream, 'GET', `/jobs/${job.id}`, { token: job.jobToken })
  t.match(poll.body, { state: 'running' })
  await chunk(upstream, job, 'bye\r\n', { sequence: 2, offset: first.length })
  t.equal((await finish(upstream, job, { exit_status: '7' })).status, 200)
  t.same((await call(upstream, 'GET', '/ping', { token: session })).body, {})
  t.equal((await call(upstream, 'POST', '/disconnect', { token: session })).status, 200)

  const view = upstream.job(job.id)
  t.match(view, { state: 'finished', exitStatus: 7, finishCount: 1, passed: false, label: 'Hello' })
  t.equal(view.log, '~~~ Preparing\r\nbye\r\n')
  t.equal(view.rawLog.toString(), `${first}bye\r\n`)
  t.equal(log.join(''), view.log)
  t.same(
    view.events.map(one => one.event),
    ['created', 'scheduled', 'assigned', 'accepted', 'started', 'firstChunk', 'finished'],
  )
  t.equal(upstream.build(build.id).state, 'failed')
  t.match(upstream.agents(), [{ state: 'disconnected', name: 'tester' }])
  t.same(upstream.violations, [])
})

t.test('the accepted job carries all that a bootstrap needs', async t => {
  const upstream = await emulator(t)
  upstream.createBuild(
    `
    env: { LEVEL: pipeline, ONLY: 1 }
    image: alpine
    steps:
      - command: [echo one, echo two]
        key: build
        env: { LEVEL: step }
        timeout_in_minutes: 5
        artifact_paths: [out/*, logs/*]
        plugins: [{ kubernetes: { checkout: { skip: true } } }, 'docker#v5']
    `,
    { repo: 'https://git.example/a.git', branch: 'trunk', commit: 'abc' },
  )
  const session = await connected(upstream, { meta_data: ['queue=default', 'k8s:node-name=n1'] })
  const { payload } = await accepted(upstream, session)
  const env = payload['env'] as Record<string, string>
  t.ok(Object.values(env).every(value => typeof value === 'string'))
  t.match(env, {
    BUILDKITE_COMMAND: 'echo one\necho two',
    BUILDKITE_REPO: 'https://git.example/a.git',
    BUILDKITE_BRANCH: 'trunk',
    BUILDKITE_COMMIT: 'abc',
    BUILDKITE_AGENT_NAME: 'tester',
    BUILDKITE_AGENT_META_DATA_QUEUE: 'default',
    BUILDKITE_AGENT_META_DATA_K8S_NODE_NAME: 'n1',
    BUILDKITE_STEP_KEY: 'build',
    BUILDKITE_TIMEOUT: '5',
    BUILDKITE_IMAGE: 'alpine',
    BUILDKITE_ARTIFACT_PATHS: 'out/*;logs/*',
    BUILDKITE_PIPELINE_PROVIDER: 'git',
    LEVEL: 'step',
    ONLY: '1',
    CI: 'true',
  })
  t.same(JSON.parse(env['BUILDKITE_PLUGINS'] ?? ''), [
    { 'github.com/buildkite-plugins/kubernetes-buildkite-plugin': { checkout: { skip: true } } },
    { 'github.com/buildkite-plugins/docker-buildkite-plugin#v5': null },
  ])
  t.match(payload, { chunks_max_size_bytes: 102_400, chunks_interval_seconds: 1 })
})

t.test(
  'faults: a false answer, a broken connection before and after the work, and only so often',
  async t => {
    const upstream = await emulator(t)
    upstream.createBuild('steps: [{ command: a }]')
    const job = await running(upstream)
    const stop = upstream.fault({
      match: { path: /\/ping$/ },
      status: 503,
      body: { message: 'later' },
    })
    const late = await call(upstream, 'GET', '/ping', { token: job.session })
    t.match(late, { status: 503, body: { message: 'later' } })
    stop()
    t.equal((await call(upstream, 'GET', '/ping', { token: job.session })).status, 200)

    upstream.fault({ match: { method: 'PUT', path: /finish/ }, times: 1, reset: 'before' })
    await t.rejects(finish(upstream, job))
    t.equal(upstream.job(job.id).state, 'running')
    upstream.fault({ match: { method: 'PUT', path: /finish/ }, times: 1, reset: 'after' })
    await t.rejects(finish(upstream, job))
    t.equal(upstream.job(job.id).state, 'finished')
    t.equal((await finish(upstream, job)).status, 422, 'the retry is refused')
    t.same(upstream.violations, [], 'but is no violation')
    t.match(upstream.requests.at(-1), { method: 'PUT', status: 422, job: job.id })
  },
)

t.test('waitFor resolves on the change, and says what it saw when it does not come', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild('steps: [{ command: a }]')
  const over = upstream.waitFor(() => upstream.build(id).state === 'passed')
  await finish(upstream, await running(upstream))
  t.equal(await over, true)
  const never = upstream.waitFor(() => false, { timeoutMs: 1, what: 'a miracle' })
  await t.rejects(never, { message: 'a miracle: not seen within 1 ms', found: /finished/ })
  const open = upstream.waitFor(() => false, { what: 'the end' })
  await Promise.all([upstream.close(), t.rejects(open, { message: /closed/ })])
})

t.test('an unknown route is a 404 and a violation, the streaming ping only a 404', async t => {
  const upstream = await emulator(t)
  const stream = `${upstream.url}/agentedge.v1.AgentEdgeService/StreamPings`
  t.equal((await call(upstream, 'POST', stream)).status, 404)
  t.same(upstream.violations, [])
  const lost = await call(upstream, 'GET', '/nowhere', { token })
  t.match(lost, { status: 404, body: { message: 'no such route' } })
  t.match(upstream.violations, [/nowhere/])
})

t.test('a pipeline that cannot be used is a Problem, and makes no build', async t => {
  const upstream = await emulator(t)
  const make = () =>
    upstream.createBuild('steps: [{ command: a, depends_on: b }]', { source: 'p.yml' })
  t.throws(make, { code: 'PIPELINE_FILE', found: /"b"/ })
  t.same(upstream.builds(), [])
  t.same(upstream.jobs(), [])
})
