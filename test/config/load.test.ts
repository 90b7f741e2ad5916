import { hostname } from 'node:os'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { stringify } from 'yaml'
import type { Config } from '../../lib/config/config.js'
import { loadConfig, loadPodConfig } from '../../lib/config/load.js'
import { options, scalars, structures, type ScalarName } from '../../lib/config/schema.js'
import { instanceOf } from '../../lib/config/typed.js'
import { isProblem, problemText, type Problem } from '../../lib/errors.js'

const all = scalars()
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
const samples: Record<ScalarName, [string[], (config: Config) => unknown]> = {
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
  'metrics-listen': [
    ['a:1', 'b:2', 'c:3'],
    ({ metricsListen: { host, port } }) => `${host}:${port}`,
  ],
  'pod-pending-timeout': [['1s', '2s', '3s'], config => `${config.podPendingTimeout / 1000}s`],
  'image-pull-backoff-grace-period': [
    ['1s', '2s', '3s'],
    config => `${config.imagePullBackoffGracePeriod / 1000}s`,
  ],
  'empty-job-grace-period': [['1s', '2s', '3s'], config => `${config.emptyJobGracePeriod / 1000}s`],
  'container-start-timeout': [
    ['1s', '2s', '3s'],
    config => `${config.containerStartTimeout / 1000}s`,
  ],
  'max-hold-on-failure': [['1s', '2s', '3s'], config => `${config.maxHoldOnFailure / 1000}s`],
  'gateway-url': [['http://a', 'http://b', 'http://c'], config => config.gatewayUrl],
  'gateway-service': [[], () => undefined],
  'gateway-address': [[], () => undefined],
  'lease-duration': [['3s', '4s', '5s'], config => `${config.leaseDuration / 1000}s`],
  'allow-other-builds': [[], () => undefined],
  'job-prefix': [['a-', 'b-', 'c-'], config => config.jobPrefix],
  'job-active-deadline-seconds': [
    ['1', '2', '3'],
    config => String(config.jobActiveDeadlineSeconds),
  ],
  'default-termination-grace-period-seconds': [
    ['1', '2', '3'],
    config => String(config.defaultTerminationGracePeriodSeconds),
  ],
  // Of two values one is the default: a test of its own has them.
  'image-check': [[], () => undefined],
  'prohibit-kubernetes-plugin': [[], () => undefined],
  'allow-pod-spec-patch-unsafe-command-modification': [[], () => undefined],
  'image-check-pull-policy': [
    ['Always', 'IfNotPresent', 'Never'],
    config => config.imageCheckPullPolicy,
  ],
  'image-check-container-cpu-limit': [
    ['1', '2m', '.5'],
    config => config.imageCheckContainerCpuLimit,
  ],
  'image-check-container-memory-limit': [
    ['1Gi', '2Mi', '3e6'],
    config => config.imageCheckContainerMemoryLimit,
  ],
  'workspace-mount-sub-path-expr': [
    ['$(A)', 'b/$(B)', 'c'],
    config => config.workspaceMountSubPathExpr,
  ],
  'additional-redacted-vars': [
    ['*_A', 'B,C', 'D'],
    config => config.additionalRedactedVars?.join(),
  ],
  'default-resource-class-name': [['a', 'b', 'c'], config => config.defaultResourceClassName],
  'job-ttl': [['1s', '2s', '3s'], config => `${config.jobTtl / 1000}s`],
  'image-pull-policy': [['Always', 'IfNotPresent', 'Never'], config => config.imagePullPolicy],
  'shutdown-grace': [['1s', '2s', '3s'], config => `${config.shutdownGrace / 1000}s`],
  'log-level': [['debug', 'warn', 'error'], config => config.logLevel],
}

t.test('each setting: a flag over the environment over the file over the default', async t => {
  for (const [name, option] of all) {
    const [[flag, variable, inFile], shown] = samples[name]
    if (flag === undefined || variable === undefined) continue
    const classes = { a: {}, b: {}, c: {} }
    const file = written(t, { token: 'x', 'resource-classes': classes, [name]: inFile })
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

t.test('a yes or no: a flag over the environment over the file over the default', async t => {
  const switches = all.filter(([, { format }]) => format === 'boolean')
  t.equal(switches.length, 4)
  for (const [name, option] of switches) {
    const key = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()) as keyof Config
    const of = (argv: string[], variable: string, inFile: unknown) => {
      const file = written(t, inFile === undefined ? {} : { [name]: inFile })
      return loadConfig([...argv, '--config', file], { ...withToken, [option.env]: variable })[key]
    }
    t.equal(of([], '', undefined), false, `${name}: the default`)
    t.equal(of([], '', true), true, `${name} of the file`)
    t.equal(of([], 'false', true), false, option.env)
    t.equal(of([], 'true', false), true, option.env)
    for (const argv of [[`--${name}`], [`--${name}`, 'true'], [`--${name}=true`]]) {
      t.equal(of(argv, 'false', false), true, argv.join(' '))
    }
    for (const argv of [[`--${name}`, 'false'], [`--${name}=false`]]) {
      t.equal(of(argv, 'true', true), false, argv.join(' '))
    }
    t.match(
      refusal(() => of([`--${name}=yes`], '', undefined)),
      { code: 'CONFIG_INVALID', where: `--${name}`, wanted: 'true or false', found: '"yes"' },
    )
    t.match(
      refusal(() => of([`--${name}`, 'yes'], '', undefined)),
      { code: 'USAGE', message: 'an argument stands where only flags can' },
    )
    t.match(
      refusal(() => of([], '1', undefined)),
      { where: option.env, wanted: 'true or false' },
    )
  }
})

t.test('what pods are made of loads without a token, and is the same with one', async t => {
  const { token, ...rest } = loadConfig(['--namespace', 'jobs'], withToken)
  t.equal(token, 'x')
  t.same(loadPodConfig(['--namespace', 'jobs'], {}), rest)
  t.same(loadPodConfig(['--namespace', 'jobs', '--token-file', '/nowhere'], {}), rest)
  t.match(
    refusal(() => loadPodConfig(['--job-prefix', 'X'], {})),
    { where: '--job-prefix' },
  )
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
    jobPrefix: 'buildkite-',
    jobTtl: 600_000,
    jobActiveDeadlineSeconds: 21_600,
    defaultTerminationGracePeriodSeconds: 60,
    podPendingTimeout: 900_000,
    imagePullBackoffGracePeriod: 30_000,
    emptyJobGracePeriod: 30_000,
    containerStartTimeout: 600_000,
    maxHoldOnFailure: 0,
    metricsListen: { host: '0.0.0.0', port: 9216 },
    imageCheck: false,
    imageCheckPullPolicy: undefined,
    imageCheckContainerCpuLimit: '200m',
    imageCheckContainerMemoryLimit: '128Mi',
    additionalRedactedVars: undefined,
    prohibitKubernetesPlugin: false,
    podSpecPatch: undefined,
    agentConfig: undefined,
    resourceClasses: undefined,
    shutdownGrace: 30_000,
    logLevel: 'info',
  })
  t.ok(Object.isFrozen(config))
})

t.test('every setting has a variable of its own, and a sentence about it', async t => {
  t.equal(new Set(all.map(([, { env }]) => env)).size, all.length)
  t.equal(all.length + structures().length, Object.keys(options).length)
  for (const [name, { doc }] of structures()) t.match(doc, /[^.]\.$/, name)
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
      () => loadConfig(['--job-prefix', 'CI-'], withToken),
      { wanted: 'lower-case letters, digits and "-", a letter or digit first, 20 at most' },
    ],
    [
      () => loadConfig(['--default-resource-class-name', 'big'], withToken),
      { where: '--default-resource-class-name', hint: 'add the class to resource-classes' },
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

t.test('a value that can not be used comes with what was probably meant', async t => {
  const table: [string[], string][] = [
    [['--job-ttl', '600'], 'write its unit: 600s, or 600m'],
    [['--job-ttl', 'soon'], 'change it, or leave it out: it is 10m then'],
    [['--gateway-listen', '8480'], 'write 0.0.0.0:8480'],
    [['--job-active-deadline-seconds', '6h'], 'write the seconds alone: 21600'],
    [['--image-check=yes'], 'write true'],
    [['--image-check=off'], 'write false'],
    [['--image-pull-policy', 'always'], 'did you mean Always?'],
    [['--tags', 'linux'], 'write queue=linux, if it is the queue'],
    [['--endpoint', 'agent.example.org'], 'begin it with https:// or http://'],
    [['--context', ''], 'change it, or leave it out'],
  ]
  for (const [argv, hint] of table) {
    t.equal(refusal(() => loadConfig(argv, withToken)).hint, hint, argv.join(' '))
  }
})

t.test('all values that can not be used are told at once, wherever they come from', async t => {
  const file = written(t, { 'job-ttl': 10, tags: { queue: 'x' }, 'resource-classes': { a: 1 } })
  const problem = refusal(() => loadConfig(['--max-in-flight=0', '--config', file], withToken))
  t.match(problem, { message: "4 things in the settings can't be used" })
  const told = [
    '--max-in-flight max-in-flight',
    ':1:1 job-ttl',
    ':2:1 tags',
    ':5:3 resource-classes',
  ]
  const places = told.map(place => problemText(problem).indexOf(place))
  t.same(
    places,
    places.toSorted((a, b) => a - b),
    problemText(problem),
  )
  t.ok(
    places.every(place => place > 0),
    problemText(problem),
  )
})

t.test('no setting of one value takes a mapping, and its words are ours', async t => {
  for (const [name] of all) {
    const file = written(t, { [name]: { a: 'hunter2' } })
    const text = problemText(refusal(() => loadPodConfig(['--config', file], {})))
    t.match(text, `${name} can't be used`)
    t.notMatch(text, /param|schema|hunter2|object/, text)
  }
})

t.test('a variable that is nearly the one of a setting is refused', async t => {
  const of = (name: string) => () => loadConfig([], { ...withToken, [name]: 'hunter2' })
  for (const name of ['JOB_SPAWNER_MAX_INFLIGHT', 'JOB_SPAWNER_MAXINFLIGHT']) {
    const problem = refusal(of(name))
    t.match(problem, { where: name, hint: 'did you mean JOB_SPAWNER_MAX_IN_FLIGHT?' })
    t.notMatch(problemText(problem), 'hunter2')
  }
  // What Kubernetes makes of a Service of such a name, and what our own suite is told by.
  const others = ['SERVICE_HOST', 'SERVICE_PORT_GATEWAY', 'PORT', 'PORT_8480_TCP_ADDR']
  for (const one of [...others, 'GATEWAY_PORT', 'TEST_AGENT_IMAGE'])
    t.doesNotThrow(of(`JOB_SPAWNER_${one}`), one)
})

t.test('the gateway and the metrics have ports of their own', async t => {
  const refused: [string[], Partial<Problem>][] = [
    [['--gateway-listen', ':9216'], { where: '--gateway-listen' }],
    [['--metrics-listen', '127.0.0.1:8480'], { where: '--metrics-listen' }],
    [['--gateway-listen', 'a:7', '--metrics-listen', 'a:7'], { where: '--metrics-listen' }],
    [
      ['--gateway-listen', '[::]:7', '--metrics-listen', '10.0.0.1:7'],
      { found: /7.*\[::\]:7/ as never },
    ],
  ]
  for (const [argv, evidence] of refused) {
    const problem = refusal(() => loadConfig(argv, withToken))
    const hint = 'choose another port for one of them'
    t.match(problem, { code: 'CONFIG_INVALID', hint, ...evidence }, argv.join(' '))
  }
  const taken = [
    ['--gateway-listen', '10.0.0.1:7', '--metrics-listen', '127.0.0.1:7'],
    ['--gateway-listen', ':0', '--metrics-listen', ':0'],
  ]
  for (const argv of taken) t.doesNotThrow(() => loadConfig(argv, withToken), argv.join(' '))
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
    [['--quite-else=hunter2'], { hint: 'see job-spawner VERB --help' }],
    [['hunter2'], { message: 'an argument stands where only flags can', where: undefined }],
    [['--image-check', 'hunter2'], { where: 'after --image-check' }],
    [['--namespace', 'a', 'hunter2', '--name', 'x'], { where: 'after --namespace' }],
    [['--token'], { where: '--token', message: 'a flag has no usable value' }],
    [['--token', '--hunter2'], { where: '--token' }],
    [['-x'], { where: '-x' }],
    [['--queue', 'hunter2'], { where: '--queue', hint: 'Put it among the tags, as queue=NAME.' }],
    [
      ['--agent-config', 'hunter2'],
      { where: '--agent-config', message: "agent-config can't be set by a flag" },
    ],
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
      { where: 'BUILDKITE_AGENT_TOKEN and --token-file', message: /given twice/ as never },
    ],
    [['--token', 'two words'], {}, { code: 'TOKEN_FILE', where: '--token' }],
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

t.test('redacted variables may be repeated, a list, or none', async t => {
  const of = (...argv: string[]) => loadConfig(argv, withToken).additionalRedactedVars
  t.same(of('--additional-redacted-vars', 'A, *_B', '--additional-redacted-vars=C'), [
    'A',
    '*_B',
    'C',
  ])
  const file = written(t, { 'additional-redacted-vars': ['A', '*_B'] })
  t.same(of('--config', file), ['A', '*_B'])
  t.same(of('--config', file, '--additional-redacted-vars='), [], 'a flag can take them back')
  t.same(of('--config', written(t, { 'additional-redacted-vars': [] })), [])
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
