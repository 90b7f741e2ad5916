import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { readConfigFile } from '../../lib/config/file.js'
import { isProblem, type Problem } from '../../lib/errors.js'

const known = ['namespace', 'tags', 'max-in-flight']

function read(t: { testdir(): string }, text: string) {
  const file = join(t.testdir(), 'config.yaml')
  writeFileSync(file, text)
  return { file, settings: () => readConfigFile(file, known) }
}

function problem(settings: () => unknown): Problem {
  try {
    settings()
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error('the file was taken')
}

t.test('each setting comes with its line and column', async t => {
  const { file, settings } = read(t, '# ours\nnamespace: jobs\ntags: [a=b]\nmax-in-flight: 3\n')
  const taken = settings()
  t.same(Object.keys(taken), known)
  t.match(taken, {
    namespace: { value: 'jobs', where: `${file}:2:1` },
    tags: { value: ['a=b'], where: `${file}:3:1` },
    'max-in-flight': { value: 3, where: `${file}:4:1` },
  })
})

t.test(
  'what is inside a setting has a line and column, and what is missing those of its parent',
  async t => {
    const { file, settings } = read(
      t,
      'tags:\n  a.b/c:\n    - x: 1\n    - { y: 2 }\nnamespace: a\n',
    )
    const table: [(string | number)[], string][] = [
      [['tags'], '1:1'],
      [['tags', 'a.b/c'], '2:3'],
      [['tags', 'a.b/c', 0], '3:7'],
      [['tags', 'a.b/c', 1, 'y'], '4:9'],
      [['tags', 'a.b/c', 1, 'z'], '4:7'],
      [['tags', 'a.b/c', 7, 'z'], '2:3'],
      [['tags', 'other', 'z'], '1:1'],
      [['namespace', 'x'], '5:1'],
    ]
    for (const [path, place] of table) {
      t.equal(settings()['tags']?.at?.(path), `${file}:${place}`, path.join('.'))
    }
  },
)

t.test('an empty file, and a key without a value, set nothing', async t => {
  t.same(read(t, '').settings(), {})
  t.same(read(t, '# nothing\n').settings(), {})
  t.same(read(t, 'namespace:\ntags: ~\n').settings(), {})
})

t.test('JSON is YAML', async t => {
  t.match(read(t, '{"namespace": "jobs"}').settings(), { namespace: { value: 'jobs' } })
})

t.test('a file that can not be used says where and why', async t => {
  const table: [string, Partial<Problem>][] = [
    ['- a\n- b\n', { message: 'the config file has the wrong shape' }],
    ['just text', { message: 'the config file has the wrong shape' }],
    ['namespace: [\n', { message: 'the config file is not YAML' }],
    ['namespace: a\nnamespace: b\n', { message: 'the config file is not YAML' }],
    ['tags: [a=b]\nnamespac: x\n', { found: '"namespac"', hint: 'did you mean namespace?' }],
    ['hunter2: x\n', { found: '"hunter2"', hint: 'remove the key' }],
    ['image: x\n', { wanted: 'agent-image', hint: /^It is agent-image here/ as never }],
    ['poll-interval: x\n', { wanted: 'no such key' }],
    ['<<: { tags: [a=b] }\n', { found: '"<<"' }],
    ['tags: [*nothing]\n', { message: 'the config file has an alias that leads nowhere' }],
    ['[1]: x\n', { message: 'unknown key in the config file' }],
  ]
  for (const [text, evidence] of table) {
    const { settings } = read(t, text)
    t.match(problem(settings), { code: 'CONFIG_FILE', ...evidence }, JSON.stringify(text))
  }
  const { file, settings } = read(t, 'tags: [a=b]\n  nonsense: x\n')
  t.match(problem(settings).where, new RegExp(`^${file}:\\d+:\\d+$`))
})

t.test('a file that is not there is said to be missing', async t => {
  const file = join(t.testdir(), 'missing.yaml')
  t.match(
    problem(() => readConfigFile(file, known)),
    { code: 'CONFIG_FILE', where: file, found: /ENOENT/ },
  )
})

t.test('an anchor may be used a hundred times and more, but not in what it stands for', async t => {
  const tags = Array.from({ length: 150 }, () => '*a').join()
  t.equal(read(t, `namespace: &a x\ntags: [${tags}]\n`).settings()['tags']?.where.slice(-3), '2:1')
  const { found, hint } = problem(read(t, 'tags: &a [*a]\n').settings)
  t.equal(found, 'an alias in what it stands for')
  t.equal(hint, 'write the value out')
})

t.test('a key that is there twice is told at its second place', async t => {
  for (const text of [
    'tags: a=b\ntags: c=d\n',
    'tags:\ntags: c=d\n',
    'tags: # none\ntags: c=d\n',
  ]) {
    const { where, hint } = problem(read(t, text).settings)
    t.match(where, /:2:1$/, text)
    t.equal(hint, 'remove one of the two')
  }
})
