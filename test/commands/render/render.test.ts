import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { V1Job } from '@kubernetes/client-node'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { render } from '../../../lib/commands/render/render.js'
import { renderSettings } from '../../../lib/commands/render/settings.js'
import { buildJob } from '../../../lib/pod/build.js'
import { jobInputs } from '../../../lib/pod/given/inputs.js'
import { runCommand } from '../run-command.js'

const kubernetes = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'

const pipeline = `env: { SHARED: "1" }
steps:
  - label: build
    key: build
    command: [make, make test]
    plugins:
      - kubernetes:
          podSpec:
            containers:
              - image: "alpine:$VERSION"
  - block: go
  - group: g
    steps:
      - command: echo {{matrix}}
        image: busybox:{{matrix}}
        matrix: [a, b]
`

const rendered = (argv: readonly string[], stdin = pipeline, options = {}) =>
  runCommand(render, ['-', ...argv], { stdin, ...options })

t.test('a step is rendered as the builder makes it of the same job', async t => {
  const { status, stdout } = await rendered([
    '--step',
    'build',
    '--env',
    'VERSION=3',
    '--tags=queue=q',
  ])
  t.equal(status, 0)
  const id = '00000000-0000-4000-8000-000000000001'
  const plugin = { podSpec: { containers: [{ image: 'alpine:3' }] } }
  const env = {
    BUILDKITE_COMMAND: 'make\nmake test',
    BUILDKITE_PLUGINS: JSON.stringify([{ [kubernetes]: plugin }]),
    BUILDKITE_STEP_KEY: 'build',
    BUILDKITE_LABEL: 'build',
    BUILDKITE_AGENT_META_DATA_QUEUE: 'q',
  }
  const { settings } = renderSettings(['--tags=queue=q'], {})
  const job = buildJob(jobInputs({ id, env, chunks_max_size_bytes: 102_400 }), settings)
  t.same(parse(stdout), JSON.parse(JSON.stringify(job)))
  t.match(stdout, /^# step 1: build \(key build\) \(stdin:3:5\)\napiVersion: batch\/v1\n/)
})

t.test('all command steps are documents of one text, each Job with its own name', async t => {
  const { status, stdout } = await rendered(['--env=VERSION=3'])
  t.equal(status, 0)
  const documents = parseAllDocuments(stdout)
  if ('empty' in documents) throw new Error('no documents')
  const jobs = documents.map(one => one.toJS() as { metadata: { name: string } })
  t.equal(new Set(jobs.map(({ metadata }) => metadata.name)).size, 3)
  t.same(stdout.match(/^# .*$/gm), [
    '# step 1: build (key build) (stdin:3:5)',
    '# step 2, a (stdin:14:9)',
    '# step 2, b (stdin:14:9)',
  ])
  t.equal((await rendered(['--env=VERSION=3'])).stdout, stdout, 'and twice the same bytes')
})

t.test('--step takes a key, a label or a number; another word is told what there is', async t => {
  for (const [step, wanted] of [
    ['build', 1],
    ['1', 1],
    ['2', 2],
  ] as const) {
    const { stdout } = await rendered(['--env=VERSION=3', '--step', step, '--output=json'])
    const value = JSON.parse(stdout) as { kind: string; items?: unknown[] }
    t.equal(value.items?.length ?? 1, wanted, step)
    t.equal(value.kind, wanted === 1 ? 'Job' : 'List')
  }
  await t.rejects(rendered(['--step', '0']), {
    code: 'USAGE',
    wanted: /step 1: build \(key build\)/,
  })
})

t.test('what only a run knows has a placeholder that is seen to be one', async t => {
  const { stdout } = await rendered(['--step=build', '--env=VERSION=3'])
  for (const text of [
    'name: buildkite-00000000-0000-4000-8000-000000000001',
    'value: http://gateway.invalid:8480/v3',
  ]) {
    t.ok(stdout.includes(text), text)
  }
  const { stdout: named } = await rendered([
    '--step=1',
    '--env=VERSION=3',
    '--gateway-url=http://g:1',
  ])
  t.match(named, 'value: http://g:1/v3')
})

t.test(
  "settings are those of run: flags, environment and file; a job's variables are its own",
  async t => {
    const file = join(t.testdir({ 'c.yml': 'job-ttl: 5m\n' }), 'c.yml')
    const words = [
      '--step=build',
      '--env=VERSION=3',
      `--config=${file}`,
      '--env=BUILDKITE_BRANCH=main',
    ]
    const { stdout } = await rendered(words, pipeline, { env: { JOB_SPAWNER_NAMESPACE: 'ci' } })
    t.match(stdout, 'ttlSecondsAfterFinished: 300')
    t.match(stdout, 'namespace: ci')
    t.match(stdout, 'build-branch: main')
  },
)

t.test('variables are filled in where they are known, and told where they are not', async t => {
  const { stderr, status } = await rendered(['--step=build'])
  t.match(stderr, /^stdin:3:5: note: step 1: build .*: not known here: \$VERSION \(--env/)
  t.equal(status, 1, 'no image has such a name')
  t.match(stderr, /^stdin:10:17: step 1: build \(key build\): an image has a name/m)
  // A dollar sign is doubled in a manifest: the kubelet makes one of two.
  const { stdout } = await rendered([], '[{ command: "echo $$HOME $A" }]')
  t.match(stdout, 'value: echo $$HOME $$A\n')
  const raw = await rendered(['--no-interpolation'], '[{ command: "echo $$HOME" }]')
  t.match(raw.stdout, 'value: echo $$$$HOME\n')
})

t.test('a payload is rendered as it is', async t => {
  const payload = { id: 'a0000000-0000-4000-8000-00000000000a', env: { BUILDKITE_COMMAND: 'true' } }
  const { stdout, status } = await rendered([], JSON.stringify(payload))
  t.equal(status, 0)
  t.match(stdout, `name: buildkite-${payload.id}`)
  await t.rejects(rendered([], '{ env: { BUILDKITE_X: 1 } }'), {
    code: 'JOB_INVALID',
    where: 'stdin:1:10: env.BUILDKITE_X',
  })
})

t.test('a bad step is told with its place, and the others are rendered', async t => {
  const { stdout, stderr, status } = await rendered(
    [],
    `steps:
  - label: bad
    command: x
    plugins:
      - kubernetes:
          podSpek: {}
  - command: good
`,
  )
  t.equal(status, 1)
  t.match(stderr, /^stdin:6:11: step 1: bad: the step's kubernetes plugin cannot be used\n/)
  t.match(stderr, /did you mean podSpec\?/)
  t.match(stdout, /^# step 2 \(stdin:7:5\)\n/)
})

t.test('a field that Kubernetes does not know is a warning with the nearest known', async t => {
  const { stderr, status } = await rendered(
    [],
    `- command: x
  plugins:
    - kubernetes:
        podSpec:
          containers:
            - image: a
              resorces: {}
`,
  )
  t.equal(status, 0)
  t.equal(
    stderr,
    'stdin:7:15: warning: Kubernetes knows no field "resorces" here: did you mean resources?\n',
  )
})

const templated = '[{ command: x, plugins: { kubernetes: { podTemplate: base } } }]'

t.test('a PodTemplate comes from a file; without one it is said what to do', async t => {
  const without = await rendered([], templated)
  t.equal(without.status, 1)
  t.match(without.stderr, /the PodTemplate "base"[^]*--pod-template FILE[^]*--server-dry-run/)
  const file = join(t.testdir({}), 't.yml')
  const flag = `--pod-template=${file}`
  const template =
    'kind: PodTemplate\nmetadata: { name: base }\ntemplate: { spec: { containers: [{ name: m, image: own }] } }\n'
  writeFileSync(file, `---\n${template.replace('base', 'other')}---\n${template}`)
  t.match((await rendered([flag], templated)).stdout, 'image: own')
  writeFileSync(file, template.replace('base', 'other'))
  t.match((await rendered([flag], templated)).stderr, /none of that name/)
  writeFileSync(file, 'kind: Pod\n')
  await t.rejects(rendered([flag], templated), { code: 'USAGE', found: 'a Pod' })
})

t.test('what is no pipeline, and words that are none, are problems', async t => {
  const table: [argv: string[], stdin: string, code: string][] = [
    [['-'], 'steps: [', 'PIPELINE_FILE'],
    [['-'], 'steps: [wait]', 'PIPELINE_FILE'],
    [['-'], 'steps: [{ command: 1 }, 3]', 'PIPELINE_FILE'],
    [[], '', 'USAGE'],
    [['a', 'b'], '', 'USAGE'],
    [['/nowhere'], '', 'USAGE'],
    [['-', '--output=xml'], pipeline, 'USAGE'],
    [['-', '--output=json', '--diff'], pipeline, 'USAGE'],
    [['-', '--env=A'], pipeline, 'USAGE'],
    [['-', '--stepp=1'], pipeline, 'USAGE'],
  ]
  for (const [argv, stdin, code] of table) {
    await t.rejects(runCommand(render, argv, { stdin }), { code }, `${argv.join(' ')} ${stdin}`)
  }
})

t.test('a pipeline that cannot be used is told with file, line and column', async t => {
  const faulty = 'steps:\n  - command: x\n    comand: y\n'
  await t.rejects(rendered([], faulty), {
    code: 'PIPELINE_FILE',
    where: 'stdin:3:5: steps[0].comand',
  })
  const two = '[{ command: x, parallelism: 0 }, { command: 1 }]\n'
  await t.rejects(rendered([], `env: { A: [] }\nsteps: ${two}`), {
    code: 'PIPELINE_FILE',
    message: 'the pipeline cannot be used (and 2 more: job-spawner lint)',
    where: 'stdin:1:8: env.A',
  })
  await t.rejects(rendered([], 'steps: ['), { code: 'PIPELINE_FILE', where: 'stdin:1:9' })
  await t.rejects(rendered([], ''), { code: 'PIPELINE_FILE', where: 'stdin:1:1', found: 'nothing' })
})

t.test('a folder, and a file that is not there, are told in words', async t => {
  const folder = t.testdir({})
  await t.rejects(runCommand(render, [folder]), { code: 'USAGE', found: 'a folder' })
  await t.rejects(runCommand(render, [join(folder, 'x')]), { code: 'USAGE', found: 'no such file' })
})

t.test('text stays text for readers of YAML 1.1, such as kubectl and Helm', async t => {
  const words = ['yes', 'n', 'on', '1_000', '0b11', '12:30', '0777', 'a\u0085b', 'a\n\u0085\n']
  const containers = words.map(value => ({ image: 'a', env: [{ name: 'A', value }] }))
  const plugins = [{ kubernetes: { podSpec: { containers } } }]
  const { stdout, status } = await rendered([], JSON.stringify([{ command: 'x', plugins }]))
  t.equal(status, 0)
  const { spec } = parse(stdout, { version: '1.1' }) as V1Job
  const values = spec?.template.spec?.containers.flatMap(({ env = [] }) =>
    env.filter(({ name }) => name === 'A').map(({ value }) => value),
  )
  t.same(values, words)
  t.notMatch(stdout, '\u0085', 'a line break to such a reader')
})

t.test('nothing in a label ends the comment that it stands in', async t => {
  const step = { command: 'x', label: 'a\u0085kind: b\u2028c\nd\u001b[31m' }
  const { stdout } = await rendered([], JSON.stringify([step]))
  t.equal(stdout.split('\n', 1)[0], '# step 1: a kind: b c d [31m (stdin:1:2)')
})

t.test('what lint only warns of, or leaves to the upload, is rendered', async t => {
  const steps = '- { command: x, parallelism: "$N" }\n- { command: y, brand_new: 1 }\n'
  const { status, stdout, stderr } = await rendered([], steps)
  t.equal(status, 0)
  t.equal(stdout.match(/^kind: Job$/gm)?.length, 2)
  t.match(stderr, /^stdin:2:17: \[1\]\.brand_new: warning: /)
  await t.rejects(rendered(['--no-interpolation'], steps), { code: 'PIPELINE_FILE' })
})

t.test(
  'a pod that is to stay when it fails is shown so, as far as the operator allows',
  async t => {
    const stdin = `steps:
  - command: make
    plugins:
      - kubernetes:
          holdOnFailure: 1h
`
    const none = await rendered([], stdin)
    t.match(none.stderr, /^stdin:5:11: note: holdOnFailure of 1h is left out: /m)
    t.notMatch(none.stdout, /sleep|hold/)
    const cut = await rendered(['--max-hold-on-failure=5m'], stdin)
    t.match(cut.stderr, /^stdin:5:11: note: holdOnFailure of 1h is cut to 5m: /m)
    t.match(cut.stdout, /^ +sleep 300 /m)
    const whole = await rendered(['--max-hold-on-failure=2h'], stdin)
    t.equal(whole.stderr, '')
    t.match(whole.stdout, / job-spawner\/hold-seconds: "3600"\n/)
    t.equal(whole.status, 0)
  },
)
