import { hostname } from 'node:os'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { stringify } from 'yaml'
import { instanceOf, loadConfig, type Config } from '../../lib/config/load.js'
import { options, type Option, type OptionName } from '../../lib/config/schema.js'
import { isProblem, problemText, type Problem } from '../../lib/errors.js'

const all = Object.entries(options) as [OptionName, Option][]
const withToken = { BUILDKITE_AGENT_TOKEN: 'x' }

function refusal(load: () => unknown): Problem {
  try {
    load()
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error('the configuration was taken')
}

function written(t: { testdir(): string }, settings: object): string {
  const file = join(t.testdir(), 'config.yaml')
  writeFileSync(file, stringify(settings))
  return file
}

// For each setting three texts, none of them its default, and how the configuration shows one.
const samples: Record<OptionName, [string[], (config: Config) => unknown]> = {
  token: [['ta', 'tb', 'tc'], config => config.token],
  'token-file': [[], () => undefined],
  endpoint: [['http://a', 'http://b', 'http://c'], config => config.endpoint],
  tags: [['queue=a', 'queue=b', 'queue=c'], config => config.tags.join()],
  name: [['a-%i', 'b-%i', 'c-%i'], config => config.name],
  'max-in-flight': [['3', '4', '5'], config => String(config.maxInFlight)],
  namespace: [['a', 'b', 'c'], config => config.namespace],
  kubeconfig: [['/a', '/b', '/c'], config => config.kubeconfig],
  context: [['a', 'b', 'c'], config => config.context],
  'ledger-namespace': [['a', 'b', 'c'], config => config.ledgerNamespace],
  'agent-image': [['a', 'b', 'c'], config => config.agentImage],
  'gateway-listen': [
    ['a:1', 'b:2', 'c:3'],
    ({ gatewayListen: { host, port } }) => `${host}:${port}`,
  ],
  'gateway-url': [['http://a', 'http://b', 'http://c'], config => config.gatewayUrl],
  'job-ttl': [['1s', '2s', '3s'], config => `${config.jobTtl / 1000}s`],
  'image-pull-policy': [['Always', 'IfNotPresent', 'Never'], config => config.imagePullPolicy],
  'shutdown-grace': [['1s', '2s', '3s'], config => `${config.shutdownGrace / 1000}s`],
  'log-level': [['debug', 'warn', 'error'], config => config.logLevel],
}

t.test('each setting: a flag over the environment over the file over the default', async t => {
  for (const [name, option] of all) {
    const [[flag, variable, inFile], shown] = samples[name]
    if (flag === undefined || variable === undefined) continue
    const file = written(t, { token: 'x', [name]: inFile })
    const env = { [option.env]: variable }
    const byFlag = loadConfig([`--${name}`, flag, '--config', file], env)
    t.equal(shown(byFlag), flag, `--${name}`)
    t.equal(shown(loadConfig(['--config', file], env)), variable, option.env)
    t.equal(shown(loadConfig(['--config', file], {})), inFile, `${name} of the file`)
    t.equal(shown(loadConfig(['--config', file], { [option.env]: '' })), inFile, 'empty: unset')
    if (name !== 'token')
      t.notOk([flag, variable, inFile].includes(String(shown(loadConfig([], withToken)))))
  }
})

t.test('an empty variable is unset, also the one that names the file', async t => {
  const env = Object.fromEntries(all.map(([, option]) => [option.env, '']))
  t.ok(loadConfig([], { ...env, JOB_SPAWNER_CONFIG: '', ...withToken }))
})

t.test('the file may be named by a variable, and a flag names another', async t => {
  const file = written(t, { namespace: 'of-the-file' })
  const env = { ...withToken, JOB_SPAWNER_CONFIG: file }
  t.equal(loadConfig([], env).namespace, 'of-the-file')
  t.match(
    refusal(() => loadConfig(['--config', '/nowhere.yaml'], env)),
    { code: 'CONFIG_FILE' },
  )
})

t.test('every default can be used, and is what the documentation says', async t => {
  const config = loadConfig([], withToken)
  t.match(config, {
    endpoint: 'https://agent-edge.buildkite.com/v3',
    tags: ['queue=bk-operator'],
    name: `${hostname()}-%i`,
    maxInFlight: 25,
    namespace: 'buildkite',
    kubeconfig: undefined,
    gatewayListen: { host: '0.0.0.0', port: 8480 },
    gatewayUrl: undefined,
    jobTtl: 600_000,
    shutdownGrace: 30_000,
    logLevel: 'info',
  })
  t.ok(Object.isFrozen(config))
})

t.test('every setting has a variable of its own, and a sentence about it', async t => {
  t.equal(new Set(all.map(([, { env }]) => env)).size, all.length)
  for (const [name, { doc, env }] of all) {
    t.match(doc, /[^.]\.$/, `${name}: ${doc}`)
    t.match(env, /^[A-Z_]+$/)
    t.match(name, /^[a-z]+(-[a-z]+)*$/)
  }
})

t.test('a value that can not be used is shown with its place', async t => {
  const file = written(t, { 'job-ttl': 'soon' })
  const table: [() => unknown, Partial<Problem>][] = [
    [
      () => loadConfig(['--max-in-flight', '0'], withToken),
      { where: '--max-in-flight', wanted: 'a whole number of at least 1' },
    ],
    [
      () => loadConfig([], { ...withToken, JOB_SPAWNER_NAMESPACE: 'Jobs' }),
      { where: 'JOB_SPAWNER_NAMESPACE', found: '"Jobs"' },
    ],
    [() => loadConfig(['--config', file], withToken), { where: `${file}:1:1`, found: '"soon"' }],
    [
      () => loadConfig(['--log-level', 'loud'], withToken),
      { wanted: 'one of: debug, info, warn, error, silent' },
    ],
    [
      () => loadConfig(['--image-pull-policy', 'Sometimes'], withToken),
      { wanted: 'one of: Always, IfNotPresent, Never' },
    ],
  ]
  for (const [load, evidence] of table) {
    t.match(refusal(load), { code: 'CONFIG_INVALID', ...evidence })
  }
})

t.test('a bare number is no duration: some read milliseconds, others seconds', async t => {
  const file = written(t, { 'job-ttl': 90 })
  t.match(
    refusal(() => loadConfig(['--config', file], withToken)),
    { code: 'CONFIG_INVALID', wanted: 'a duration such as 90s, 10m or 1h', found: '90' },
  )
  t.ok(isProblem(refusal(() => loadConfig(['--job-ttl', '90'], withToken))))
})

t.test('a flag that can not be used is a matter of usage, and its value is not shown', async t => {
  const table: [string[], Partial<Problem>][] = [
    [['--namespce', 'hunter2'], { where: '--namespce', hint: 'did you mean --namespace?' }],
    [['--quite-else=hunter2'], { hint: 'see job-spawner --help' }],
    [['hunter2'], { message: 'an argument stands where only flags can' }],
    [['--token'], { where: '--token', message: 'a flag has no usable value' }],
    [['--token', '--hunter2'], { where: '--token' }],
    [['-x'], { where: '-x' }],
  ]
  for (const [argv, evidence] of table) {
    const problem = refusal(() => loadConfig(argv, withToken))
    t.match(problem, { code: 'USAGE', ...evidence }, argv.join(' '))
    t.notOk(problemText(problem).includes('hunter2'), problemText(problem))
  }
})

t.test('the token comes from one place, and is one word', async t => {
  const file = join(t.testdir({ token: '  from-a-file\n', bad: 'two words\n', empty: '\n' }), '')
  t.equal(loadConfig([], { BUILDKITE_AGENT_TOKEN: ' abc\n' }).token, 'abc')
  t.equal(loadConfig(['--token-file', join(file, 'token')], {}).token, 'from-a-file')
  const table: [string[], NodeJS.ProcessEnv, Partial<Problem>][] = [
    [[], {}, { code: 'CONFIG_INVALID', message: 'there is no agent token' }],
    [
      ['--token-file', join(file, 'token')],
      withToken,
      { code: 'CONFIG_INVALID', message: 'the agent token is given twice' },
    ],
    [['--token-file', join(file, 'bad')], {}, { code: 'TOKEN_FILE', where: join(file, 'bad') }],
    [['--token-file', join(file, 'empty')], {}, { code: 'TOKEN_FILE', found: 'nothing' }],
    [['--token-file', join(file, 'none')], {}, { code: 'TOKEN_FILE', found: /ENOENT/ as never }],
    [[], { BUILDKITE_AGENT_TOKEN: 'hunter2 hunter2' }, { code: 'TOKEN_FILE' }],
  ]
  for (const [argv, env, evidence] of table) {
    const problem = refusal(() => loadConfig(argv, env))
    t.match(problem, evidence)
    t.notOk(problemText(problem).includes('hunter2'))
    t.notOk(problemText(problem).includes('two words'))
  }
})

t.test('a token of the wrong type is not shown', async t => {
  const file = written(t, { token: 12345678 })
  const problem = refusal(() => loadConfig(['--config', file], {}))
  t.match(problem, { code: 'CONFIG_INVALID', found: 'something else (not shown)' })
  t.notOk(problemText(problem).includes('12345678'))
})

t.test('a password in a URL is not shown', async t => {
  for (const flag of ['--endpoint', '--gateway-url']) {
    const problem = refusal(() => loadConfig([flag, 'https://me:hunter2@host'], withToken))
    t.notOk(problemText(problem).includes('hunter2'), problemText(problem))
  }
})

t.test('agents have names that differ, and URLs no slash at their end', async t => {
  const of = (...argv: string[]) => loadConfig(argv, withToken)
  t.equal(of('--name', 'ci').name, 'ci-%i')
  t.equal(of('--name', 'ci', '--max-in-flight', '1').name, 'ci')
  t.equal(of('--name', '%i-ci').name, '%i-ci')
  t.equal(of('--endpoint', 'http://a/v3//').endpoint, 'http://a/v3')
  t.equal(of('--gateway-url', 'http://a:1/').gatewayUrl, 'http://a:1')
})

t.test('the tags may be repeated, separated by commas, or both', async t => {
  const config = loadConfig(['--tags', 'a=1,b=2', '--tags', 'c=3'], withToken)
  t.same(config.tags, ['a=1', 'b=2', 'c=3'])
  const file = written(t, { tags: ['a=1', 'b=2'] })
  t.same(loadConfig(['--config', file], withToken).tags, ['a=1', 'b=2'])
  t.same(loadConfig([], { ...withToken, BUILDKITE_AGENT_TAGS: 'a=1, b=2' }).tags, ['a=1', 'b=2'])
})

t.test('the instance is a label value for any name', async t => {
  const table: [string, string][] = [
    ['ci-%i', 'ci'],
    ['%i', 'job-spawner'],
    ['', 'job-spawner'],
    ['Build Farm / East %i', 'build-farm-east'],
    ['--x--', 'x'],
    ['ünïcode', 'n-code'],
    ['a'.repeat(80), 'a'.repeat(40)],
    ['node.example.org-%i', 'node.example.org'],
  ]
  for (const [name, instance] of table) {
    t.equal(instanceOf(name), instance, name)
    t.match(instanceOf(name), /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)
  }
})

t.test('the instance is the same whatever the number of jobs at once', async t => {
  const of = (...argv: string[]) => loadConfig(['--name', 'ci', ...argv], withToken).instance
  t.equal(of('--max-in-flight', '1'), of())
})
