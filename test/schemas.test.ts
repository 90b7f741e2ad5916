import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { isProblem, problemText, type Problem } from '../lib/errors.js'
import {
  check,
  checkKubernetes,
  nearest,
  typeName,
  unknownFields,
  violations,
  kubernetesViolations,
  withoutDirectives,
  withoutNulls,
  type Shapes,
} from '../lib/schemas.js'

const secret = 'hunter2-is-secret'

function refusal(name: keyof Shapes, value: unknown): Problem {
  try {
    check(name, value, { code: 'UPSTREAM_INVALID', where: 'GET /ping', message: 'unusable' })
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error('the value was taken')
}

t.test('a value that fits comes back as it is, unknown fields of upstream included', async t => {
  const value = { state: 'running', new_field: { deep: true } }
  t.equal(check('job-state', value, { code: 'INTERNAL', where: '', message: '' }), value)
})

t.test('a value that does not fit names its place, what was wanted and what was found', async t => {
  const job = { id: 'x', env: { A: 'a' }, chunks_max_size_bytes: 1 }
  const table: [keyof Shapes, unknown, Partial<Problem>][] = [
    ['job-state', { state: 7 }, { where: 'GET /ping.state', wanted: 'string', found: 'number' }],
    ['job-state', {}, { where: 'GET /ping', wanted: 'the key state', found: 'no such key' }],
    ['job-state', null, { where: 'GET /ping', wanted: 'object', found: 'null' }],
    ['job-state', [], { where: 'GET /ping', wanted: 'object', found: 'array' }],
    ['job-state', undefined, { where: 'GET /ping', wanted: 'object', found: 'undefined' }],
    [
      'agent-job',
      { ...job, env: { A: 1 } },
      { where: 'GET /ping.env.A', wanted: 'string', found: 'number' },
    ],
    ['agent-job', { id: 'x', chunks_max_size_bytes: 1 }, { wanted: 'the key env' }],
    ['agent-ping', { job: {} }, { where: 'GET /ping.job', wanted: 'the key id' }],
    ['agent-registration', { id: 5 }, { found: /\(and \d+ more\)$/ as unknown as string }],
  ]
  for (const [name, value, evidence] of table) {
    const problem = refusal(name, value)
    t.match(problem, { code: 'UPSTREAM_INVALID', message: 'unusable', ...evidence }, name)
  }
})

t.test('an unknown key is named with the nearest known one', async t => {
  const near = refusal('kubernetes-plugin', { podspec: {} })
  t.equal(near.found, 'the unknown key "podspec"')
  t.equal(near.hint, 'did you mean podSpec?')
  t.match(near.wanted, /^one of: .*podSpec/)
  t.equal(refusal('kubernetes-plugin', { quite_another_thing: 1 }).hint, 'remove the key')
})

t.test('no value is ever shown', async t => {
  const values: [keyof Shapes, unknown][] = [
    ['agent-job', { id: { secret }, env: secret, chunks_max_size_bytes: secret }],
    ['agent-ping', { job: secret, action: [secret] }],
    ['agent-registration', { access_token: [secret], id: secret, name: { secret } }],
    ['kubernetes-plugin', { podSpec: secret }],
    ['job-state', secret],
  ]
  for (const [name, value] of values) {
    const text = problemText(refusal(name, value))
    t.notOk(text.includes(secret), text)
  }
})

t.test('every schema has a type, and is one that can be checked', async t => {
  const files = readdirSync(new URL('../schemas/', import.meta.url)).filter(
    file => file.endsWith('.json') && file !== 'kubernetes.json',
  )
  const source = readFileSync(new URL('../lib/schemas.ts', import.meta.url), 'utf8')
  for (const file of files) {
    const name = file.replace('.json', '')
    t.ok(source.includes(`'${name}':`), `${name} is one of Shapes`)
    t.ok(isProblem(refusal(name as keyof Shapes, 'text')), name)
  }
})

t.test('what a schema takes from another file is checked, and its place is named', async t => {
  const table: [unknown, Partial<Problem>][] = [
    [
      { podSpec: { containers: [{ name: 'a', env: [{ name: 'A', value: 'b' }, { value: 1 }] }] } },
      { where: 'GET /ping.podSpec.containers.0.env.1.value', wanted: 'string', found: 'number' },
    ],
    [
      { podSpec: { containers: {} } },
      { where: 'GET /ping.podSpec.containers', wanted: 'array', found: 'object' },
    ],
    [
      { sidecars: [{ resources: { limits: { cpu: [] } } }] },
      { where: 'GET /ping.sidecars.0.resources.limits.cpu', wanted: 'number or string' },
    ],
    [
      { metadata: { labels: { 'example.com/a~b': 1 } } },
      { where: 'GET /ping.metadata.labels.example.com/a~b', wanted: 'string' },
    ],
    [
      { checkout: { cloneFlag: '-v' } },
      {
        where: 'GET /ping.checkout',
        hint: 'did you mean cloneFlags?',
        wanted: /cloneFlags/ as never,
      },
    ],
    [{ podSpecPatch: [] }, { where: 'GET /ping.podSpecPatch', wanted: 'object', found: 'array' }],
  ]
  for (const [value, evidence] of table) {
    t.match(refusal('kubernetes-plugin', value), evidence, evidence.where ?? '')
  }
})

t.test(
  'what Kubernetes judges is not refused: quantities, ports, unknown keys, what lacks',
  async t => {
    const podSpec = {
      containers: [
        {
          unknown: 1,
          ports: [{}],
          resources: { limits: { cpu: 1, memory: '1Gi' } },
          readinessProbe: { httpGet: { port: 'web' } },
          livenessProbe: { httpGet: { port: 80 } },
        },
      ],
    }
    const blame = { code: 'JOB_PLUGIN', where: 'x', message: 'y' } as const
    t.equal(check('kubernetes-plugin', { podSpec }, blame).podSpec, podSpec)
  },
)

t.test('a part of a pod is checked by its name in Kubernetes', async t => {
  const blame = { code: 'CONFIG_INVALID', where: 'workspace-volume', message: 'bad' } as const
  checkKubernetes('Volume', { name: 'v', emptyDir: {} }, blame)
  t.throws(() => checkKubernetes('Volume', { name: 1 }, blame), {
    code: 'CONFIG_INVALID',
    where: 'workspace-volume.name',
    wanted: 'string',
  })
})

t.test('keys that Kubernetes does not know are named with their place and the nearest', async t => {
  const podSpec = {
    containers: [{ name: 'a', evn: [], env: [{ name: 'A', valeu: 'x' }] }],
    nodeSelector: { anything: 'goes' },
    volumes: [{ name: 'v', emptyDir: { medium: 'Memory', zzzzzzzz: null } }],
    constructor: 1,
  }
  const found = unknownFields(podSpec, 'PodSpec').map(({ path, key, near }) => [path, key, near])
  t.strictSame(found, [
    [['containers', 0], 'evn', 'env'],
    [['containers', 0, 'env', 0], 'valeu', 'value'],
    [['volumes', 0, 'emptyDir'], 'zzzzzzzz', undefined],
    [[], 'constructor', undefined],
  ])
  const [first] = unknownFields({ namee: 'a' }, 'EnvVar')
  t.same(first?.known, ['name', 'value', 'valueFrom'])
  t.same(unknownFields('no object', 'PodSpec'), [])
  t.same(unknownFields({ anything: 1 }, 'NoSuchDefinition'), [])
})

t.test('keys with null are left out at any depth, elements that are null stay', async t => {
  const value = { env: null, containers: [{ name: 'a', env: null }, null], zero: 0, no: false }
  t.strictSame(withoutNulls(value), {
    containers: [{ name: 'a' }, null],
    zero: 0,
    no: false,
  })
  t.equal(value.env, null, 'the value is as it was')
})

t.test('a patch without its directives has the shape of what it is a patch of', async t => {
  const patch = {
    $retainKeys: ['containers'],
    $setElementOrder$: 1,
    '$setElementOrder/containers': [{ name: 'b' }],
    containers: [
      { $patch: 'replace' },
      { name: 'b', $patch: 'delete', env: null },
      { name: 'c', '$deleteFromPrimitiveList/args': ['x'], args: ['y'] },
    ],
  }
  t.strictSame(withoutDirectives(patch), {
    $setElementOrder$: 1,
    containers: [{}, { name: 'b' }, { name: 'c', args: ['y'] }],
  })
})

t.test('the nearest word is one that may have been meant', async t => {
  t.equal(nearest('namespce', ['namespace', 'name']), 'namespace')
  t.equal(nearest('TAGS', ['tags', 'token']), 'tags')
  t.equal(nearest('completely-else', ['tags', 'token']), undefined)
  t.equal(nearest('x', []), undefined)
})

t.test('the kinds of JSON values have names', async t => {
  const values = [null, [], {}, 'a', 1, true]
  t.same(values.map(typeName), ['null', 'array', 'object', 'string', 'number', 'boolean'])
})

t.test('all violations have their paths, whatever is in a key, and no values', t => {
  const found = violations('resource-class', {
    resource: { limits: { 'a.b/c~d': [secret] } },
    colour: secret,
    nodeSelector: { pool: 5 },
  })
  t.same(found.map(({ path }) => path).toSorted(), [
    ['colour'],
    ['nodeSelector', 'pool'],
    ['resource', 'limits', 'a.b/c~d'],
  ])
  t.notMatch(JSON.stringify(found), secret)
  const volumes = [{ name: 'a' }, { name: 5, secret: [] }]
  t.match(kubernetesViolations('PodSpec', { volumes }), [
    { path: ['volumes', 1, 'name'], wanted: 'string', found: 'number' },
    { path: ['volumes', 1, 'secret'], wanted: 'object', found: 'array' },
  ])
  t.same(violations('resource-class', {}), [])
  t.end()
})
