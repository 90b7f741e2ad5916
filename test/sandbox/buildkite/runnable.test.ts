import t from 'tap'
import { runnablePipeline } from '../../../lib/sandbox/buildkite/runnable.js'

const wrong: [why: string, yaml: string, where: string, wanted: RegExp, found: RegExp][] = [
  ['no YAML', 'steps: [', 'p.yml, line 1', /YAML/, /./],
  ['no steps', 'env: {}', 'p.yml, line 1: steps', /list of at least one/, /no such key/],
  ['empty steps', 'steps: []', 'p.yml, line 1: steps', /at least one/, /empty/],
  ['a number', '7', 'p.yml, line 1', /map/, /number/],
  [
    'a misspelt key',
    'steps:\n  - comand: a',
    'p.yml, line 2: steps[0].comand',
    /command/,
    /"comand"/,
  ],
  [
    'a block step',
    'steps:\n- block: go',
    'p.yml, line 2: steps[0].block',
    /command steps/,
    /block/,
  ],
  ['a bare block', 'steps: [block]', 'p.yml, line 1: steps[0].block', /wait/, /block/],
  [
    'a step of nothing',
    'steps: [{ label: a }]',
    'p.yml, line 1: steps[0].command',
    /command or plugins/,
    /neither/,
  ],
  [
    'a list in env',
    'steps: [{ command: a, env: { A: [1] } }]',
    'p.yml, line 1: steps[0].env.A',
    /string/,
    /array/,
  ],
  [
    'parallelism 0',
    'steps: [{ command: a, parallelism: 0 }]',
    'p.yml, line 1: steps[0].parallelism',
    /above 0/,
    /number/,
  ],
  [
    'a rule without =',
    'steps: [{ command: a, agents: [x] }]',
    'p.yml, line 1: steps[0].agents[0]',
    /key=value/,
    /string/,
  ],
  [
    'two steps of one key',
    'steps: [{ command: a, key: k }, { command: b, key: k }]',
    'p.yml, line 1: steps[1].key',
    /own/,
    /k/,
  ],
  [
    'plugins that are text',
    'steps: [{ plugins: docker }]',
    'p.yml, line 1: steps[0].plugins',
    /list/,
    /string/,
  ],
]

for (const [why, yaml, where, wanted, found] of wrong) {
  t.test(`a pipeline with ${why} says where, what was wanted, what was found`, async t => {
    t.throws(() => runnablePipeline(yaml, 'p.yml'), {
      code: 'PIPELINE_FILE',
      where,
      wanted,
      found,
    })
  })
}

t.test('a misspelt key is answered with the right one', async t => {
  t.throws(() => runnablePipeline('[{ comand: a }]'), {
    message: /cannot be used/,
    hint: 'did you mean command?',
  })
})

t.test('a pipeline in all its forms', async t => {
  const { env, steps } = runnablePipeline(`
    env: { A: 1, B: true }
    agents: { queue: q }
    steps:
      - wait
      - wait: ~
        continue_on_failure: true
      - commands: [a, b]
        agents: [queue=other]
        depends_on: [x, { step: y, allow_failure: true }]
        retry: { automatic: true }
      - plugins: { docker#v1: { image: i } }
  `)
  t.same(env, { A: '1', B: 'true' })
  t.match(steps, [
    { kind: 'wait', continueOnFailure: false },
    { kind: 'wait', continueOnFailure: true },
    {
      command: 'a\nb',
      agents: ['queue=other'],
      dependsOn: [
        { step: 'x', allowFailure: false },
        { step: 'y', allowFailure: true },
      ],
      retry: [{ exitStatus: '*', limit: 2 }],
    },
    { command: '', agents: ['queue=q'], parallelism: 1 },
  ])
})
