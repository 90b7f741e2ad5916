import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { lint } from '../../../lib/commands/lint/lint.js'
import { converted } from '../../../lib/commands/lint/peer-config.js'
import { settingFaults } from '../../../lib/commands/lint/config-file.js'
import { chartKeys } from '../../../lib/commands/lint/values-file.js'
import { moved } from '../../../lib/config/moved.js'
import { runCommand } from '../run-command.js'

const config = `id: my-stack
queue: kubernetes
tags: [os=linux, queue=old]
image: ghcr.io/buildkite/agent:3
max-in-flight: 0
poll-interval: 1s
skip-image-check-containers: true
container-start-timeout: 5m
pull-policy: Always
agent-config:
  endpoint: https://agent.example.org/v3
  no-http2: true
  no-pty: true
`

const values = `agentStackSecret: mine
labels: { a: b }
monitoring: { deployGrafanaDashboard: true, podMonitor: { deploy: true } }
config:
  prometheus-port: 9000
  job-ttl: 5m
  pod-pending-timeout: 15m
  default-image-pull-policy: Sometimes
`

t.test("agent-stack-k8s' settings are told key by key, what is wrong among them", async t => {
  const { status, stdout } = await runCommand(lint, ['-'], { stdin: config })
  t.equal(status, 1)
  t.same(
    stdout.split('\n').map(line => line.replace(/ \(.*/, '')),
    [
      'stdin:1:1: note: these are settings of agent-stack-k8s, which run does not take as they are',
      'stdin:1:1: note: no namespace: there Jobs run in that of the release, or default; here in buildkite',
      'stdin:1:1: note: id becomes name',
      'stdin:2:1: note: queue becomes tags',
      'stdin:3:1: note: tags carries over as it is',
      'stdin:4:1: note: image becomes agent-image',
      'stdin:5:1: note: max-in-flight carries over as it is',
      "stdin:5:1: error: max-in-flight can't be used",
      'stdin:6:1: note: poll-interval does not carry over',
      'stdin:7:1: note: skip-image-check-containers becomes image-check',
      'stdin:8:1: note: container-start-timeout carries over as it is',
      'stdin:9:1: warning: pull-policy is known neither to agent-stack-k8s nor here',
      'stdin:10:1: note: agent-config carries over as it is',
      'stdin:11:3: note: agent-config.endpoint becomes endpoint',
      'stdin:12:3: note: agent-config.no-http2 does not carry over',
      '',
    ],
  )
})

t.test('they are converted to ours, which ours take', async t => {
  const stdin = config.replace('max-in-flight: 0', 'max-in-flight: 5')
  const { status, stdout, stderr } = await runCommand(lint, ['-', '--convert'], { stdin })
  t.equal(status, 0)
  t.same(parse(stdout), {
    name: 'my-stack',
    'agent-image': 'ghcr.io/buildkite/agent:3',
    'image-check': false,
    'max-in-flight': 5,
    tags: ['queue=kubernetes', 'os=linux'],
    endpoint: 'https://agent.example.org/v3',
    'container-start-timeout': '5m',
    'agent-config': { 'no-pty': true },
  })
  t.match(stderr, /note: id becomes name/)
  const again = await runCommand(lint, ['-', '--kind=config'], { stdin: stdout })
  t.equal(again.stdout, '')
})

t.test("the values of agent-stack-k8s' chart are told and converted", async t => {
  const { status, stdout } = await runCommand(lint, ['-'], { stdin: values })
  t.equal(status, 1)
  t.match(stdout, /^stdin:1:1: note: agentStackSecret becomes agentTokenSecret /m)
  t.match(stdout, /^stdin:3:1: note: monitoring becomes monitoring.podMonitor /m)
  t.match(stdout, /^stdin:5:3: note: prometheus-port becomes metrics-listen /m)
  t.match(stdout, /^stdin:7:3: note: pod-pending-timeout carries over as it is/m)
  t.match(stdout, /^stdin:8:3: error: image-pull-policy can't be used /m)
  const ours = await runCommand(lint, ['-', '--convert'], { stdin: values })
  t.same(parse(ours.stdout), {
    agentTokenSecret: 'mine',
    podLabels: { a: 'b' },
    monitoring: { podMonitor: { deploy: true } },
    config: {
      'metrics-listen': '0.0.0.0:9000',
      'job-ttl': '5m',
      'pod-pending-timeout': '15m',
      'image-pull-policy': 'Sometimes',
    },
  })
})

t.test('of every key that has moved something is said, and no conversion throws', async t => {
  for (const key of Object.keys(moved).filter(name => !name.includes('.'))) {
    const { stdout } = await runCommand(lint, ['-', '--kind=config'], { stdin: `${key}: true\n` })
    t.match(stdout, `stdin:1:1: note: ${key} `)
  }
  t.same(settingFaults(converted({})), [])
})

t.test('ours are not converted', async t => {
  const stdin = 'gateway-url: http://g:1\n'
  await t.rejects(runCommand(lint, ['-', '--convert'], { stdin }), { code: 'USAGE' })
})

t.test("the chart's keys are those of its schema", async t => {
  const file = new URL('../../../helm/job-spawner/values.schema.json', import.meta.url)
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { properties: Record<string, unknown> }
  t.same(chartKeys.toSorted(), Object.keys(schema.properties).toSorted())
})

t.test('what is not set, and usual there in another way than here, is told', async t => {
  const few = (await runCommand(lint, ['-'], { stdin: 'poll-interval: 1s\n' })).stdout
  t.match(few, /note: no namespace:/)
  t.match(few, /note: no queue: .*default queue; here queue=bk-operator/)
  t.match(few, /note: images are checked .*image-check: true/)
  const stdin = 'skip-image-check-containers: true\nnamespace: a\nqueue: b\n'
  const all = (await runCommand(lint, ['-'], { stdin })).stdout
  t.notMatch(all, /no namespace|no queue|images are checked before/)
})

t.test('metrics that were switched off are for the pod itself alone', async t => {
  t.match(converted({ 'prometheus-port': 0 }), { 'metrics-listen': '127.0.0.1:9216' })
})

t.test('debug goes before log-level, as it does there', async t => {
  t.match(converted({ debug: true, 'log-level': 'info' }), { 'log-level': 'debug' })
  t.match(converted({ debug: false, 'log-level': 'info' }), { 'log-level': 'info' })
})

t.test('converted values have one token only', async t => {
  const stdin = 'agentToken: hunter2\nagentStackSecret: mine\nconfig: {}\n'
  const { stdout } = await runCommand(lint, ['-', '--convert'], { stdin })
  t.same(parse(stdout), { agentTokenSecret: 'mine', config: {} })
})

t.test('resource classes are said to be chosen in another way', async t => {
  const stdin = 'queue: a\nresource-classes: { a: {} }\n'
  const { stdout } = await runCommand(lint, ['-'], { stdin })
  t.match(stdout, /^stdin:2:1: note: resource-classes carries over as it is \(.*resourceClass/m)
})
