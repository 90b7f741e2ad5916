import t from 'tap'
import { isProblem, problemText, type Problem } from '../../../lib/errors.js'
import { kubernetesPlugin } from '../../../lib/pod/given/plugin.js'

const long = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'
const body = { checkout: { skip: true } }

t.test('the plugin is found by its name among others', async t => {
  const others = [{ 'github.com/x/docker-buildkite-plugin#v5': { image: 'a' } }, { y: null }]
  t.same(kubernetesPlugin(JSON.stringify([...others, { [long]: body }])), body)
})

t.test('a form of the name that the pod agent would try to clone is refused', async t => {
  for (const name of [`${long}#v1.2.0`, 'kubernetes', 'kubernetes#v1'])
    t.match(refusal(JSON.stringify([{ [name]: body }])), { code: 'JOB_PLUGIN', wanted: long }, name)
})

t.test('a step without it has none, and one without a body an empty one', async t => {
  const texts = [undefined, '', 'null', '[]', '[{"docker#v5":{"podSpec":1}}]']
  for (const text of texts) t.equal(kubernetesPlugin(text), undefined, String(text))
  t.same(kubernetesPlugin(`[{"${long}":null}]`), {})
})

t.test('a list of another shape is refused at its first fault', async t => {
  const table: [string, { where: string; found: string }][] = [
    ['{', { where: 'BUILDKITE_PLUGINS', found: 'text that is not JSON' }],
    ['{}', { where: 'BUILDKITE_PLUGINS', found: 'object' }],
    ['7', { where: 'BUILDKITE_PLUGINS', found: 'number' }],
    ['["docker"]', { where: 'BUILDKITE_PLUGINS, element 0', found: 'string' }],
    ['[{"a":1},{}]', { where: 'BUILDKITE_PLUGINS, element 1', found: 'an object with 0 keys' }],
    ['[{"a":1,"b":2}]', { where: 'BUILDKITE_PLUGINS, element 0', found: 'an object with 2 keys' }],
    [`[{"${long}":{}},{"${long}":{}}]`, { where: 'BUILDKITE_PLUGINS', found: '2 of them' }],
  ]
  for (const [text, wanted] of table)
    t.match(refusal(text), { code: 'JOB_PLUGIN', ...wanted }, text)
})

t.test('nulls are taken out, but in a patch, where they take something away', async t => {
  const patch = { containers: [{ name: 'a', env: null }], nodeSelector: null }
  const given = {
    podSpec: { volumes: null, containers: [{ image: 'a', env: null }] },
    podSpecPatch: patch,
  }
  t.same(kubernetesPlugin(JSON.stringify([{ [long]: given }])), {
    podSpec: { containers: [{ image: 'a' }] },
    podSpecPatch: patch,
  })
})

t.test('a body of another shape is refused with the place', async t => {
  const table: [unknown, { where: string; wanted?: string; found?: string; hint?: string }][] = [
    ['x', { where: 'kubernetes plugin', wanted: 'object', found: 'string' }],
    [{ podSpec: [] }, { where: 'kubernetes plugin, podSpec', wanted: 'object', found: 'array' }],
    [
      { podSpec: { containers: [{ command: 'make' }] } },
      {
        where: 'kubernetes plugin, podSpec.containers.0.command',
        wanted: 'array',
        found: 'string',
        hint: 'write it as a list, even of one',
      },
    ],
    [
      { metadata: { labels: { a: 1 } } },
      {
        where: 'kubernetes plugin, metadata.labels.a',
        wanted: 'string',
        found: 'number',
        hint: 'put it in quotes',
      },
    ],
    [
      { sidecar: [] },
      { where: 'kubernetes plugin', found: '"sidecar"', hint: 'did you mean sidecars?' },
    ],
    [
      { podTemplate: '' },
      { where: 'kubernetes plugin, podTemplate', wanted: 'must NOT have fewer than 1 characters' },
    ],
    [
      { checkout: { gitMirrors: { path: 'relative' } } },
      { where: 'kubernetes plugin, checkout.gitMirrors.path', found: 'string' },
    ],
    [
      { podSpecPatch: { containers: [null] } },
      { where: 'kubernetes plugin, podSpecPatch.containers.0', found: 'null' },
    ],
    [{ podSpecPatch: 'x' }, { where: 'kubernetes plugin, podSpecPatch', found: 'string' }],
  ]
  for (const [value, wanted] of table) {
    const text = JSON.stringify([{ [long]: value }])
    t.match(refusal(text), { code: 'JOB_PLUGIN', disposition: 'fail-job', ...wanted }, text)
  }
})

t.test('no refusal repeats a value', async t => {
  const values = [
    { podSpec: { containers: [{ env: [{ name: 'A', value: ['hunter2'] }] }] } },
    { podSpec: 'hunter2' },
    { metadata: { annotations: { a: { hunter2: 'hunter2' } } } },
    { checkout: { gitCredentialsSecret: 'hunter2' } },
  ]
  const texts = [
    ...values.map(value => JSON.stringify([{ [long]: value }])),
    '[hunter2',
    '["hunter2"]',
  ]
  for (const text of texts) t.notMatch(problemText(refusal(text)), 'hunter2')
})

function refusal(text: string): Problem {
  try {
    kubernetesPlugin(text)
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error(`not refused: ${text}`)
}
