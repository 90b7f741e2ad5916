import t from 'tap'
import { pathText, valueAt, valueSource, yamlSource, type Path } from '../../lib/pipeline/source.js'

const text = `env: &env
  A: 1
steps:
  - label: one
    env:
      <<: *env
      B: 2
  - *nowhere
  - plugins:
      - kubernetes:
          podSpec: {containers: [{image: x}]}
`.replace('  - *nowhere\n', '  - wait\n')

const places: [path: Path, line: number, column: number][] = [
  [['env'], 1, 1],
  [['env', 'A'], 2, 3],
  [['steps', 0], 4, 5],
  [['steps', 0, 'label'], 4, 5],
  [['steps', 0, 'env', 'B'], 7, 7],
  [['steps', 0, 'env', 'A'], 2, 3],
  [['steps', 1], 8, 5],
  [['steps', 2, 'plugins', 0, 'kubernetes', 'podSpec', 'containers', 0, 'image'], 11, 35],
]

t.test('a value is found at the line and column of its key, also through anchors', async t => {
  const source = yamlSource(text, 'p.yml')
  t.same(source.faults, [])
  for (const [path, line, column] of places) {
    t.same(source.position(path), { line, column }, pathText(path))
    t.not(valueAt(source.value, path), undefined, pathText(path))
  }
})

t.test('what is not there is at what is nearest around it', async t => {
  const source = yamlSource(text, 'p.yml')
  t.same(source.position(['steps', 0, 'command']), { line: 4, column: 5 })
  t.same(source.position(['steps', 9]), { line: 3, column: 1 })
  t.same(source.position([]), { line: 1, column: 1 })
  t.equal(valueAt(source.value, ['steps', 9]), undefined)
})

t.test('what is not YAML is a fault with its place, and quotes nothing of the file', async t => {
  const table: [yaml: string, line: number][] = [
    ['a: [1\nsecret: hunter2', 2],
    ['a: 1\na: hunter2', 2],
    ['a: "hunter2', 1],
  ]
  for (const [yaml, line] of table) {
    const { faults, value } = yamlSource(yaml, 'x')
    t.equal(value, undefined, yaml)
    t.equal(faults[0]?.position?.line, line, yaml)
    t.notMatch(JSON.stringify(faults), /hunter2/, yaml)
  }
  t.match(yamlSource('a: *b', 'x').faults, [{ message: /not YAML/ }])
})

t.test('an alias that cannot be followed is a fault at its place', async t => {
  const table: [yaml: string, line: number, column: number, found: RegExp][] = [
    ['a: 1\nb: *c', 2, 4, /^\*c, and no &c$/],
    ['a: *b\nb: &b 1', 1, 4, /no &b/],
    ['a: &a\n  b: [*a]', 2, 7, /^\*a inside of what &a names$/],
    ['&top\nsteps: [*top]', 2, 9, /inside/],
    ['a: &a { x: 1, <<: *a }', 1, 19, /inside/],
  ]
  for (const [yaml, line, column, found] of table) {
    const { value, faults } = yamlSource(yaml, 'x')
    t.equal(value, undefined, yaml)
    t.match(faults, [{ position: { line, column }, found }], yaml)
  }
})

t.test('an anchor may be used in many steps, but not multiply itself', async t => {
  const steps = Array.from({ length: 300 }, () => '  - { command: x, agents: *a }\n').join('')
  t.same(yamlSource(`a: &a { queue: q }\nsteps:\n${steps}`, 'x').faults, [])
  const names = [...'abcdefghij']
  const lines = names.map((name, index) => {
    const inner = index === 0 ? 'x' : `*${names[index - 1]}`
    return `${name}: &${name} [${Array.from({ length: 9 }, () => inner).join()}]\n`
  })
  t.match(yamlSource(lines.join(''), 'x').faults, [{ found: /aliases of aliases/ }])
})

t.test(
  'a second document, and a second key after one without a value, have their place',
  async t => {
    t.match(yamlSource('a: 1\n---\nb: 2\n', 'x').faults, [
      { position: { line: 2, column: 1 }, wanted: 'one document', hint: /file of its own/ },
    ])
    t.match(yamlSource('steps:\n# none\nsteps: []', 'x').faults, [
      { position: { line: 3, column: 1 }, found: 'duplicate key' },
    ])
  },
)

t.test('a value without a text has no positions', async t => {
  t.equal(valueSource({ a: 1 }, 'x').position(['a']), undefined)
})
