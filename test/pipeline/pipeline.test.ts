import t from 'tap'
import { commandSteps, readPipeline, unknownDependencies } from '../../lib/pipeline/pipeline.js'
import { pathText, yamlSource } from '../../lib/pipeline/source.js'

function read(text: string) {
  return readPipeline(yamlSource(text, 'p.yml'))
}

t.test('steps of every kind are read, whatever an emulator can run', async t => {
  const { pipeline, faults } = read(`
agents: { queue: q }
image: all
steps:
  - block: go
    fields: [{ text: x, key: y }]
  - input
  - trigger: other
    build: { branch: main }
  - wait: ~
  - group: ~
    label: g
    steps:
      - command: inner
        image: own
      - group: deep
        steps: [{ command: deeper, matrix: [a], if: build.branch == 'main', skip: true }]
  - command: last
    concurrency: 1
    concurrency_group: c
    branches: main
`)
  t.same(faults, [])
  t.same(
    pipeline.steps.map(({ kind }) => kind),
    ['block', 'input', 'trigger', 'wait', 'group', 'command'],
  )
  t.match(commandSteps(pipeline), [
    { command: 'inner', image: 'own', agents: ['queue=q'], path: ['steps', 4, 'steps', 0] },
    { command: 'deeper', image: 'all', path: ['steps', 4, 'steps', 1, 'steps', 0] },
    { command: 'last', image: 'all' },
  ])
})

t.test('every fault is found, each at its place', async t => {
  const { pipeline, faults } = read(`
env: { A: [1] }
steps:
  - label: 3
    comand: x
  - command: { a: b }
  - 7
  - group: g
    steps: [{ command: a, parallelism: 0, env: [] }]
  - command: good
    retry: { automatic: [{ exit_status: x }] }
  - group: no steps
  - { block: b, colour: red }
`)
  t.same(faults.map(({ path }) => pathText(path)).toSorted(), [
    'env.A',
    'steps[0].comand',
    'steps[0].command',
    'steps[0].label',
    'steps[1].command',
    'steps[2]',
    'steps[3].steps[0].env',
    'steps[3].steps[0].parallelism',
    'steps[4].retry.automatic[0].exit_status',
    'steps[5].steps',
    'steps[6].colour',
  ])
  t.equal(faults.find(({ hint }) => hint === 'did you mean command?')?.path.at(-1), 'comand')
  t.ok(
    commandSteps(pipeline).some(({ command }) => command === 'good'),
    'and the rest is read',
  )
})

t.test('keys are told apart in groups too', async t => {
  const { faults } = read(
    'steps: [{ command: a, key: k }, { group: g, key: l, steps: [{ command: b, key: k }] }]',
  )
  t.match(faults, [{ path: ['steps', 1, 'steps', 0, 'key'], found: /second step k/ }])
})

t.test('a step may wait for steps in groups; another key is told', async t => {
  const { pipeline } = read(`
- group: g
  key: tests
  steps: [{ command: a, key: unit }]
- { command: b, depends_on: [unit, tests] }
- { command: c, depends_on: unti }
`)
  t.match(unknownDependencies(pipeline), [{ path: [2, 'depends_on'], hint: 'did you mean unit?' }])
  t.equal(unknownDependencies(pipeline).length, 1)
})

t.test('what is no pipeline is one fault', async t => {
  for (const text of ['7', 'env: {}', 'steps: []', 'steps: 3', 'a: [', '']) {
    const { pipeline, faults } = read(text)
    t.equal(faults.length, 1, text)
    t.same(pipeline.steps, [], text)
  }
})

t.test('what is wrong in a list is blamed on its item', async t => {
  const { faults } = read(`
- command: a
  retry: { automatic: [{ exit_status: 1 }, { exit_status: x }] }
  plugins: [docker#v1, 5]
  agents: [queue]
`)
  t.match(
    faults.map(fault => [pathText(fault.path), fault.found]),
    [
      ['[0].plugins[1]', 'number'],
      ['[0].agents[0]', 'a string without ='],
      ['[0].retry.automatic[1].exit_status', 'string'],
    ],
  )
})

t.test('an input step may say what state its build has meanwhile', async t => {
  t.same(read('- { input: go, blocked_state: running }\n- { command: a }').faults, [])
})
