import t from 'tap'
import { jobImage } from './harness/env.js'
import { startGitServer } from './harness/git-server.js'
import { kubectlJson } from './harness/kubectl.js'
import { lines, logs } from '../harness/builds.js'
import { clusterToken, startWorld } from './harness/world.js'

// The main path, with the real agent in real pods.

t.jobs = 5

const world = await startWorld(t, { maxInFlight: 8 })

t.test('output arrives in order, behind our own first lines, and exit status 7 as 7', async t => {
  const build = await world.run(
    `steps: [{ command: "for i in 1 2 3 4 5; do echo line $i; done; exit 7" }]`,
  )
  const [job] = build.jobs
  t.equal(build.state, 'failed')
  t.match(job, { exitStatus: 7, finishCount: 1, state: 'finished' })
  const log = lines(job?.log ?? '')
  t.equal(log[0], '~~~ Job spawner')
  t.same(
    log.filter(line => line.startsWith('line ')),
    [1, 2, 3, 4, 5].map(i => `line ${i}`),
  )
})

t.test('a repository is cloned, and the command runs in it', async t => {
  const { url, branch, commit } = await startGitServer(t, { 'hello.txt': 'from git\n' })
  const build = await world.run(`steps: [{ command: "cat hello.txt && git rev-parse HEAD" }]`, {
    repo: url,
    branch,
    commit,
  })
  t.equal(build.state, 'passed', logs(build))
  const log = lines(build.jobs[0]?.log ?? '')
  t.ok(log.includes('from git') && log.includes(commit), 'the file and the commit are there')
})

t.test('two command containers run one after the other, in images without an agent', async t => {
  const build = await world.run(`
steps:
  - label: two
    plugins:
      - kubernetes:
          podSpec:
            containers:
              - image: ${jobImage}
                command: ["echo first > /workspace/order; sleep 1; echo first is done"]
              - name: second
                image: ${jobImage}
                command: ["cat /workspace/order; echo second is done; test ! -e /usr/local/bin/buildkite-agent"]
`)
  t.equal(build.state, 'passed', logs(build))
  const log = lines(build.jobs[0]?.log ?? '')
  t.same(
    log.filter(line => /^(first|second)/.test(line)),
    ['first is done', 'first', 'second is done'],
  )
})

t.test('the image of the step is that of its command', async t => {
  const build = await world.run(
    `steps: [{ command: "ls -l /bin/sh | grep -c busybox", image: "${jobImage}" }]`,
  )
  t.equal(build.state, 'passed', logs(build))
})

t.test(
  'what a shell sees is what the step says: quotes, dollars, unicode and several lines',
  async t => {
    const build = await world.run(`
steps:
  - command: |
      echo "pid $$" | grep -qE 'pid [0-9]+' && echo pid ok
      X='a "b"  c'; echo "$X"
      echo '$(HOME) costs $5 – déjà vu'
`)
    t.equal(build.state, 'passed', logs(build))
    const log = lines(build.jobs[0]?.log ?? '')
    for (const line of ['pid ok', 'a "b"  c', '$(HOME) costs $5 – déjà vu'])
      t.ok(log.includes(line), line)
  },
)

t.test("an artifact of one job is another job's, and so is meta-data", async t => {
  const build = await world.run(`
steps:
  - key: make
    command: "mkdir out && echo payload > out/a.txt && buildkite-agent artifact upload 'out/*' && buildkite-agent meta-data set color blue"
  - depends_on: make
    command: "buildkite-agent artifact download 'out/*' . && cat out/a.txt && echo color is $(buildkite-agent meta-data get color)"
`)
  t.equal(build.state, 'passed', logs(build))
  const log = lines(build.jobs[1]?.log ?? '')
  t.ok(log.includes('payload') && log.includes('color is blue'))
  t.equal(world.upstream.metaData(build.id).get('color'), 'blue')
  t.match(world.upstream.artifacts(build.id), [{ path: 'out/a.txt', state: 'finished' }])
})

t.test('annotations, artifact_paths and uploaded steps are those of any agent', async t => {
  const build = await world.run(`
steps:
  - command:
      - echo report > report.txt
      - buildkite-agent annotate --style info "all is well"
      - "printf 'steps: [{command: echo from the uploaded step, label: later}]' | buildkite-agent pipeline upload"
    artifact_paths: "report.txt"
`)
  t.equal(build.state, 'passed', logs(build))
  t.equal(build.jobs.length, 2)
  t.match(build.jobs[1], { label: 'later', exitStatus: 0 })
  t.match(world.upstream.annotations(build.id), [{ style: 'info', body: 'all is well' }])
  t.match(world.upstream.artifacts(build.id), [{ path: 'report.txt' }])
})

t.test('a log of 20,000 lines is complete to the byte', async t => {
  const build = await world.run(
    `steps: [{ command: "seq -f 'row %06.0f abcdefghijklmnopqrstuvwxyz' 1 20000" }]`,
  )
  const [job] = build.jobs
  t.match(job, { exitStatus: 0, chunksFailedCount: 0 })
  const rows = lines(job?.log ?? '').filter(line => line.startsWith('row '))
  t.equal(rows.length, 20_000)
  t.ok(
    rows.every(
      (row, i) => row === `row ${String(i + 1).padStart(6, '0')} abcdefghijklmnopqrstuvwxyz`,
    ),
  )
  const bytes = job?.chunks.reduce((sum, { size }) => sum + size, 0)
  t.equal(job?.rawLog.length, bytes, 'the chunks tile the log')
})

t.test('a sidecar serves its job, and the plugin says what the pod is', async t => {
  const build = await world.run(`
steps:
  - command: "for i in $(seq 30); do wget -qO- http://127.0.0.1:8099/page && exit 0; sleep 0.2; done; exit 1"
    image: "${jobImage}"
    plugins:
      - kubernetes:
          metadata: { labels: { team: green } }
          sidecars:
            - image: ${jobImage}
              command: ["sh", "-c", "mkdir /tmp/www && echo served > /tmp/www/page && httpd -f -p 8099 -h /tmp/www"]
`)
  t.equal(build.state, 'passed', logs(build))
  t.ok(lines(build.jobs[0]?.log ?? '').includes('served'))
  const jobs = await kubectlJson<{ items: object[] }>([
    'get',
    'jobs',
    '-n',
    world.namespaces.jobs,
    '-l',
    'team=green',
  ])
  t.equal(jobs.items.length, 1)
})

t.test(
  'a bad plugin fails its job with the place and the remedy, and the next job runs',
  async t => {
    const build = await world.run(`
steps: [{ command: "true", plugins: [{ kubernetes: { podSpecc: {} } }] }]
`)
    t.match(build.jobs[0], { state: 'finished', exitStatus: -1, finishCount: 1 })
    t.match(build.jobs[0]?.log, /podSpecc[^]*did you mean podSpec\?/)
    t.equal((await world.run(`steps: [{ command: "true" }]`)).state, 'passed')
  },
)

// What a job itself can see is a promise of credentials.test.ts.
t.test("the cluster's token is in no manifest and no log line", { buffered: false }, async t => {
  const manifests = JSON.stringify(
    await kubectlJson(['get', 'jobs,pods,events', '-n', world.namespaces.jobs]),
  )
  t.match(manifests, /container-0/)
  t.notOk(manifests.includes(clusterToken))
  t.notOk(world.spawner.log.some(line => JSON.stringify(line).includes(clusterToken)))
})
