import t from 'tap'
import { expandMatrix } from '../../lib/pipeline/matrix.js'
import { commandSteps, readPipeline } from '../../lib/pipeline/pipeline.js'
import { pathText, yamlSource } from '../../lib/pipeline/source.js'

function expanded(yaml: string) {
  const [step] = commandSteps(readPipeline(yamlSource(yaml, 'p')).pipeline)
  if (!step) throw new Error('no step')
  return expandMatrix(step).map(({ step, values }) => ({ values, command: step.command, step }))
}

t.test('a list of values is a job for each, filled in wherever it stands', async t => {
  const jobs = expanded(`
- command: "echo {{matrix}}"
  label: "on {{ matrix }}"
  matrix: [a, 2]
  env: { V: "{{matrix}}" }
  plugins: [ { kubernetes: { podSpec: { containers: [ { image: "i:{{matrix}}" } ] } } } ]
`)
  t.match(jobs, [
    { values: 'a', command: 'echo a', step: { label: 'on a', env: { V: 'a' } } },
    { values: '2', command: 'echo 2' },
  ])
  t.match(JSON.stringify(jobs[1]?.step.plugins), /"image":"i:2"/)
})

t.test('a matrix that is none is a fault where it stands', async t => {
  const table: [matrix: string, path: string][] = [
    ['5', 'matrix'],
    ['[a, { b: c }]', 'matrix[1]'],
    ['{ adjustments: [] }', 'matrix.setup'],
    ['{ setup: { os: linux } }', 'matrix.setup.os'],
    ['{ setup: { os: [linux, [a]] } }', 'matrix.setup.os[1]'],
    ['{ setup: [a], adjustments: 5 }', 'matrix.adjustments'],
    ['{ setup: [a], adjustments: [{ skip: true }] }', 'matrix.adjustments[0]'],
  ]
  for (const [matrix, path] of table) {
    const { faults } = readPipeline(yamlSource(`- { command: x, matrix: ${matrix} }`, 'p'))
    t.same(
      faults.map(fault => pathText(fault.path)),
      [`[0].${path}`],
      matrix,
    )
  }
})

t.test('dimensions are multiplied; adjustments add and skip', async t => {
  const jobs = expanded(`
- command: "{{matrix.os}}/{{matrix.arch}}/{{matrix.other}}"
  matrix:
    setup: { os: [linux, mac], arch: [amd, arm] }
    adjustments:
      - { with: { os: mac, arch: amd }, skip: true }
      - { with: { os: bsd, arch: amd } }
      - { with: { os: linux, arch: arm }, soft_fail: true }
`)
  t.same(
    jobs.map(({ command }) => command),
    ['linux/amd', 'linux/arm', 'mac/arm', 'bsd/amd'].map(name => `${name}/{{matrix.other}}`),
  )
  t.equal(jobs[0]?.values, 'os=linux, arch=amd')
})

t.test('without a matrix there is the step itself', async t => {
  t.match(expanded('[{ command: "{{matrix}}" }]'), [{ values: undefined, command: '{{matrix}}' }])
})
