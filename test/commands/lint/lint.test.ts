import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lint } from '../../../lib/commands/lint/lint.js'
import { runCommand } from '../run-command.js'

async function linted(stdin: string, ...argv: string[]) {
  const { status, stdout, stderr } = await runCommand(lint, ['-', ...argv], { stdin })
  return { status, lines: stdout.split('\n').filter(Boolean), stdout, stderr }
}

t.test('a pipeline that runs has no findings', async t => {
  const { status, stdout, stderr } = await linted(`
env: { A: $B }
steps:
  - command: echo $$HOME $FOO
    image: "$REGISTRY/app:\${TAG:-latest}"
    parallelism: "$N"
    plugins:
      - kubernetes:
          resourceClass: big
          podTemplate: base
          jobActiveDeadlineSeconds: $DEADLINE
          sidecars: [{ image: "{{matrix}}:1", name: "x-$NAME" }]
      - docker#v5: { image: $IMAGE }
    agents: { queue: q, resource_class: small }
    depends_on: $STEP
    matrix: [redis, mysql]
  - block: go
  - wait
  - group: g
    steps: [{ trigger: other, if: build.branch == "main" }]
`)
  t.equal(stdout, '')
  t.equal(stderr, '0 errors, 0 warnings in 1 file\n')
  t.equal(status, 0)
})

t.test('every fault of a pipeline is told in the order of its places', async t => {
  const { status, lines, stderr } = await linted(`steps:
  - label: one
    comand: x
  - label: two
    command: x
    depends_on: on
    plugins:
      - kubernetes:
          podSpek: {}
          metadata:
            labels: { a: 1 }
            anotations: {}
          sidecars:
            - image: redis
              resorces: {}
          podSpec:
            containers:
              - image: Upper
              - name: agent
  - { command: x, brand_new: 1 }
`)
  t.equal(status, 1)
  t.same(
    lines.map(line => line.replace(/ \(.*/, '')),
    [
      'stdin:2:5: error: steps[0].command cannot be used',
      'stdin:3:5: error: steps[0].comand cannot be used',
      'stdin:6:5: warning: it waits for a step that is not in this file',
      "stdin:9:11: error: the step's kubernetes plugin cannot be used: podSpek",
      "stdin:11:23: error: the step's kubernetes plugin cannot be used: metadata.labels.a",
      "stdin:12:13: error: the step's kubernetes plugin cannot be used: metadata.anotations",
      'stdin:15:15: warning: Kubernetes knows no field "resorces" here: did you mean resources?',
      'stdin:18:17: error: an image has a name that no image can have: podSpec.containers[0].image',
      "stdin:19:17: error: the step's kubernetes plugin cannot be used: podSpec.containers[1]",
      'stdin:20:19: warning: steps[2].brand_new cannot be used',
    ],
  )
  t.match(lines[3], /\(found the unknown key "podSpek"; did you mean podSpec\?\)$/)
  t.equal(stderr, '7 errors, 3 warnings in 1 file\n')
})

t.test('a resource class is looked up when the settings are there', async t => {
  const file = join(t.testdir({ 'c.yml': 'resource-classes: { big: {} }' }), 'c.yml')
  const step = '[{ command: x, plugins: { kubernetes: { resourceClass: bug } } }]'
  t.equal((await linted(step)).status, 0)
  const { lines } = await linted(step, `--config=${file}`)
  t.match(lines, [/^stdin:1:41: error: .*wanted one of: big; found "bug"/])
})

t.test('what is not YAML, and what is nothing known, is told with its place', async t => {
  t.match((await linted('a: [')).lines, [/^stdin:1:5: error: this is not YAML/])
  t.match((await linted('foo: 1')).lines, [/^stdin:1:1: error: it is not known what this file is/])
  t.match((await linted('foo: 1', '--kind=config')).lines, [/error: unknown setting .*found "foo"/])
  t.match((await linted('7', '--kind=config')).lines, [/wrong shape.*found number/])
})

t.test('settings are checked as run checks them, all at once', async t => {
  const { status, lines } = await linted(`gateway-url: http://g:1
job-ttl: 10
max-in-fligt: 3
poll-interval: 1s
agent-config:
  no-pty: "x"
  experimnt: [a]
pod-spec-patch:
  containers:
    - name: agent
      command: [x]
`)
  t.equal(status, 1)
  t.same(
    lines.map(line => line.replace(/ \(.*/, '')),
    [
      "stdin:2:1: error: job-ttl can't be used",
      'stdin:3:1: error: unknown setting',
      'stdin:4:1: error: a key of agent-stack-k8s that is none here',
      "stdin:6:3: error: agent-config.no-pty can't be used",
      "stdin:7:3: error: agent-config.experimnt can't be used",
      "stdin:11:7: error: pod-spec-patch.containers[0].command can't be used",
    ],
  )
  t.match(lines[1], /did you mean max-in-flight\?/)
  t.match(lines[3], 'wanted boolean; found string')
})

t.test('a setting that is secret is not shown', async t => {
  const { stdout } = await linted('token: [hunter2]\ntoken-file: a\n', '--kind=config')
  t.notMatch(stdout, /hunter2/)
})

t.test("a job's payload is checked as a step is", async t => {
  t.equal((await linted('{ env: { BUILDKITE_COMMAND: x } }')).status, 0)
  const plugins = JSON.stringify(
    JSON.stringify([{ 'github.com/buildkite-plugins/kubernetes-buildkite-plugin': { x: 1 } }]),
  )
  const { lines } = await linted(`env:\n  BUILDKITE_COMMAND: x\n  BUILDKITE_PLUGINS: ${plugins}\n`)
  t.match(lines, [/^stdin:3:3: error: .*unknown key "x"/])
  t.match((await linted('env: { BUILDKITE_COMMAND: 1 }')).lines, [
    /^stdin:1:8: error: .*wanted string/,
  ])
})

t.test('output can be JSON, with all that is known', async t => {
  const { stdout } = await linted('[{ comand: x }]', '--output=json')
  t.match(JSON.parse(stdout), [
    { severity: 'error', wanted: 'a command or plugins' },
    {
      file: 'stdin',
      line: 1,
      column: 4,
      severity: 'error',
      message: '[0].comand cannot be used',
      wanted: /^one of: /,
      found: 'the unknown key "comand"',
      hint: 'did you mean command?',
    },
  ])
})

t.test('several files are told one after the other', async t => {
  const folder = t.testdir({ 'a.yml': '[{ command: 7 }]', 'b.yml': '[wait]' })
  const files = ['a.yml', 'b.yml'].map(name => join(folder, name))
  const { status, stdout, stderr } = await runCommand(lint, files)
  t.ok(stdout.startsWith(`${files[0]}:1:4: error: `))
  t.equal(stderr, '1 error, 0 warnings in 2 files\n')
  t.equal(status, 1)
})

t.test('words that are none are problems', async t => {
  for (const argv of [
    [],
    ['-', '--kind=x'],
    ['-', '--output=yaml'],
    ['/nowhere'],
    ['-', '--kindd=x'],
  ]) {
    await t.rejects(runCommand(lint, argv, { stdin: '[wait]' }), { code: 'USAGE' }, argv.join(' '))
  }
  await t.rejects(runCommand(lint, ['a', 'b', '--convert']), { code: 'USAGE' })
})

t.test('the sample of each kind in this repository is without error', async t => {
  const values = new URL('../../../helm/job-spawner/values.yaml', import.meta.url)
  const { status, lines } = await linted(readFileSync(values, 'utf8'))
  t.same(lines, [])
  t.equal(status, 0)
})

t.test('of a payload it is said where in its plugins the fault is', async t => {
  const plugin = { podSpec: { containers: [{ image: 5 }] } }
  const list = [{ 'github.com/buildkite-plugins/kubernetes-buildkite-plugin': plugin }]
  const env = { BUILDKITE_COMMAND: 'x', BUILDKITE_PLUGINS: JSON.stringify(list) }
  const { lines } = await linted(JSON.stringify({ env }))
  t.match(lines, [
    /cannot be used: podSpec\.containers[.[]0\]?\.image \(wanted string; found number/,
  ])
})

t.test('a payload without an environment is a payload all the same', async t => {
  for (const payload of [
    { id: 'a', token: 'hunter2', chunks_max_size_bytes: 1 },
    { id: 'a', token: 'hunter2', env: null },
    { id: 'a', token: 'hunter2', env: [] },
  ]) {
    const { status, lines, stdout } = await linted(JSON.stringify(payload))
    t.equal(status, 1)
    t.match(lines, [/error: the payload cannot be used \(wanted the job's environment/])
    t.notMatch(stdout, /hunter2/)
  }
  t.equal((await linted('{ "id": "a", "env": {} }')).status, 0)
  t.match((await linted('{}', '--kind=payload')).lines, [/the payload cannot be used/])
})

t.test('an empty file is said to be empty', async t => {
  for (const text of ['', '# nothing\n'])
    t.match((await linted(text)).lines, [/found nothing in it/])
})

t.test('what cannot be parsed is told before anything is converted', async t => {
  const { status, stdout, stderr } = await linted('queue: [', '--convert')
  t.equal(status, 1)
  t.equal(stdout, '')
  t.match(stderr, /^stdin:1:9: error: this is not YAML/)
})

t.test("the chart's two ways to give a token exclude each other", async t => {
  const values = 'agentToken: hunter2\nagentTokenSecret: s\nconfig: {}\n'
  const { lines, stdout } = await linted(values)
  t.match(lines, [/^stdin:2:1: error: agentToken and agentTokenSecret are both set/])
  t.notMatch(stdout, /hunter2/)
})

t.test('values of a chart are known by their token too', async t => {
  const { status, lines } = await linted('agentTokenSecret: s\nimage: { repository: r }\n')
  t.same([status, lines], [0, []])
  const theirs = await linted('agentStackSecret: s\nimage: r\n')
  t.match(theirs.lines[0], /note: agentStackSecret becomes agentTokenSecret/)
})

t.test('a hold is a duration, and one that the operator cuts is told', async t => {
  const held = (text: string) => `steps:
  - command: make
    plugins:
      - kubernetes:
          holdOnFailure: ${text}
`
  const wrong = await linted(held('soon'))
  t.match(wrong.lines[0], /^stdin:5:11: error: .*holdOnFailure \(wanted a duration such as 90s/)
  t.equal(wrong.status, 1)
  const long = await linted(held('1h'), '--max-hold-on-failure=5m')
  t.match(long.stdout, /^stdin:5:11: note: with these settings holdOnFailure of 1h is cut to 5m: /)
  t.equal(long.status, 0)
  t.equal((await linted(held('5m'), '--max-hold-on-failure=5m')).stdout, '')
  t.equal((await linted(held('$HOLD'))).stdout, '', 'what upload fills in is not judged')
})
