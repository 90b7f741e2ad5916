import t from 'tap'
import { isOver, lines } from '../harness/builds.js'
import { agentToken, jobsOf, namespace, passed, podsOf, startWorld } from './world.js'

// The main path: a job comes from upstream, becomes a Job, and upstream sees all of it.

const world = await startWorld(t, { maxInFlight: 3 })
const { upstream, cluster, spawner } = world
t.jobs = 4

t.test('output arrives in order, behind our own first lines, and exit status 7 as 7', async t => {
  const build = await world.run(
    `steps: [{ command: "for i in 1 2 3 4 5; do echo line $i; done; exit 7" }]`,
  )
  const [job] = build.jobs
  t.equal(build.state, 'failed')
  t.match(job, { state: 'finished', exitStatus: 7, finishCount: 1, chunksFailedCount: 0 })
  const log = lines(job?.log ?? '')
  const [made] = jobsOf(world, job?.id ?? '')
  t.same(log.slice(0, 2), [
    '~~~ Job spawner',
    `Kubernetes Job: ${namespace}/${made?.metadata?.name}`,
  ])
  t.same(
    log.filter(line => line.startsWith('line ')),
    [1, 2, 3, 4, 5].map(i => `line ${i}`),
  )
})

t.test('two command containers run one after the other, and share the workspace', async t => {
  const build = await world.run(`
steps:
  - label: two
    plugins:
      - kubernetes:
          podSpec:
            containers:
              - image: busybox:1
                command: ["echo first > order; sleep 0.3; echo first is done"]
              - name: second
                image: busybox:1
                command: ["cat order; echo second is done"]
`)
  passed(t, build)
  const log = lines(build.jobs[0]?.log ?? '')
  t.same(
    log.filter(line => /^(first|second)/.test(line)),
    ['first is done', 'first', 'second is done'],
  )
})

t.test('the second container does not run when the first fails', async t => {
  const build = await world.run(`
steps:
  - label: two
    plugins:
      - kubernetes:
          podSpec:
            containers: [{ image: "a:1", command: ["exit 4"] }, { image: "b:1", command: ["echo too far"] }]
`)
  t.match(build.jobs[0], { state: 'finished', exitStatus: 4, finishCount: 1 })
  t.notOk(lines(build.jobs[0]?.log ?? '').includes('too far'))
})

t.test('artifacts, meta-data, an annotation and uploaded steps go from job to job', async t => {
  const build = await world.run(`
steps:
  - key: make
    command:
      - mkdir out && echo payload > out/a.txt
      - buildkite-agent artifact upload 'out/*'
      - buildkite-agent meta-data set color blue
      - buildkite-agent annotate --style info "all is well"
      - "printf 'steps: [{command: echo from the uploaded step, label: later}]' | buildkite-agent pipeline upload"
  - depends_on: make
    label: use
    command: "buildkite-agent artifact download 'out/*' . && cat out/a.txt && echo color is $(buildkite-agent meta-data get color)"
`)
  passed(t, build)
  const [, later, use] = build.jobs
  t.match(later, { label: 'later', exitStatus: 0 })
  t.match(use, { label: 'use', exitStatus: 0 })
  const log = lines(use?.log ?? '')
  t.ok(log.includes('payload') && log.includes('color is blue'))
  t.equal(upstream.metaData(build.id).get('color'), 'blue')
  t.match(upstream.annotations(build.id), [{ style: 'info', body: 'all is well' }])
  t.match(upstream.artifacts(build.id), [{ path: 'out/a.txt', state: 'finished' }])
})

t.test('a log of 20,000 lines is complete to the byte', async t => {
  const build = await world.run(
    `steps: [{ command: "seq -f 'row %06.0f abcdefghijklmnopqrstuvwxyz' 1 20000" }]`,
  )
  const [job] = build.jobs
  t.match(job, { exitStatus: 0, chunksFailedCount: 0 })
  const rows = lines(job?.log ?? '').filter(line => line.startsWith('row '))
  t.equal(rows.length, 20_000)
  const expected = (i: number) => `row ${String(i + 1).padStart(6, '0')} abcdefghijklmnopqrstuvwxyz`
  t.ok(rows.every((row, i) => row === expected(i)))
  const bytes = job?.chunks.reduce((sum, { size }) => sum + size, 0)
  t.equal(job?.rawLog.length, bytes, 'the chunks tile the log')
})

t.test('what a shell sees is what the step says: quotes, dollars and unicode', async t => {
  const build = await world.run(`
steps:
  - command: |
      X='a "b"  c'; echo "$X"
      echo '$(HOME) costs $5 – déjà vu'
`)
  passed(t, build)
  const log = lines(build.jobs[0]?.log ?? '')
  for (const line of ['a "b"  c', '$(HOME) costs $5 – déjà vu']) t.ok(log.includes(line), line)
})

t.test('ten jobs at once: three run, and never more than three', async t => {
  const counts = new Set<number>()
  upstream.on('change', () => {
    counts.add(upstream.agents().filter(({ jobId }) => jobId !== undefined).length)
    const taken = upstream.jobs().filter(job => !isOver(job) && job.agentId !== undefined)
    counts.add(taken.length)
  })
  const build = await world.run(`steps: [{ command: "sleep 0.2", parallelism: 10 }]`)
  passed(t, build)
  t.equal(build.jobs.length, 10)
  t.equal(Math.max(...counts), 3)
  t.equal(upstream.agents().length, 3, 'three agents are registered')
  t.ok(build.jobs.every(({ finishCount }) => finishCount === 1))
})

t.test('a job for another queue is left alone, one for ours by name is taken', async t => {
  const { id } = world.begin(`steps: [{ command: "true", agents: { queue: other } }]`)
  const ours = await world.run(`steps: [{ command: "true", agents: { queue: bk-operator } }]`)
  passed(t, ours)
  t.equal(upstream.job(id).state, 'scheduled')
  t.same(jobsOf(world, id), [])
  t.same(upstream.agents()[0]?.tags, ['queue=bk-operator'])
})

t.test('a bad plugin fails its job with the place and the remedy', async t => {
  const build = await world.run(`
steps: [{ command: "true", plugins: [{ kubernetes: { podSpecc: {} } }] }]
`)
  t.match(build.jobs[0], { state: 'finished', exitStatus: -1, finishCount: 1 })
  t.match(build.jobs[0]?.log, /podSpecc[^]*did you mean podSpec\?/)
  t.same(podsOf(world, build.jobs[0]?.id ?? ''), [])
})

t.test("the cluster's token is in no manifest, no log and no environment of a job", async t => {
  const build = await world.run(`steps: [{ command: "env" }]`)
  passed(t, build)
  t.match(build.jobs[0]?.log, /BUILDKITE_JOB_ID=/, 'the environment is in the log')
  t.notOk(build.jobs[0]?.rawLog.includes(agentToken))
  for (const kind of ['jobs', 'pods', 'events']) {
    t.notOk(JSON.stringify(cluster.objects(kind)).includes(agentToken), kind)
  }
  t.notOk(spawner.log.some(line => JSON.stringify(line).includes(agentToken)))
})

t.test(
  'the headers that upstream asks for are on every call, from connect to disconnect',
  async t => {
    const requestHeaders = { 'Buildkite-Test-Route': 'here', 'Buildkite-Test-Cell': '7' }
    const own = await startWorld(t, {
      maxInFlight: 1,
      upstream: { requestHeaders, intervals: { heartbeat: 1 } },
    })
    const build = await own.run(
      `steps: [{ command: "buildkite-agent meta-data set a b; sleep 1.5" }]`,
    )
    passed(t, build)
    t.equal(await own.spawner.kill('SIGTERM'), 0)
    const calls = own.upstream.requests.map(({ method, path }) => `${method} ${path}`)
    const id = build.jobs[0]?.id ?? ''
    for (const call of [
      'POST /v3/connect',
      'GET /v3/ping',
      'POST /v3/heartbeat',
      `PUT /v3/jobs/${id}/accept`,
      `PUT /v3/jobs/${id}/start`,
      `GET /v3/jobs/${id}`,
      `POST /v3/jobs/${id}/data/set`,
      `POST /v3/jobs/${id}/chunks`,
      `PUT /v3/jobs/${id}/finish`,
      'POST /v3/disconnect',
    ]) {
      t.ok(calls.includes(call), call)
    }
    t.same(own.upstream.violations, [])
  },
)

t.test('every line of the log of the program is JSON, after more than twenty jobs too', async t => {
  const build = await world.run(`steps: [{ command: "true" }]`)
  passed(t, build)
  const job = build.jobs[0]?.id
  await spawner.waitForLog(line => line.msg === 'run ended' && line['job'] === job)
  t.same(
    spawner.log.filter(line => line['level'] === undefined),
    [],
  )
  t.same(
    spawner.log.filter(line => line['level'] === 'error'),
    [],
  )
})
