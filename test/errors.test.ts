import t from 'tap'
import { catalogue, isProblem, messageOf, Problem, problemText } from '../lib/errors.js'

t.test('a problem reads as a line that says what happened and lines of evidence', async t => {
  const problem = new Problem('CONFIG_INVALID', "namespace can't be used", {
    where: '--namespace',
    wanted: 'a namespace',
    found: '"Jobs"',
    hint: 'Namespace of the Jobs.',
  })
  t.equal(
    problemText(problem),
    [
      "namespace can't be used",
      '  where: --namespace',
      '  wanted: a namespace',
      '  found: "Jobs"',
      '  to do: Namespace of the Jobs.',
    ].join('\n'),
  )
})

t.test('what is not known of a problem has no line', async t => {
  t.equal(problemText(new Problem('USAGE', 'unknown verb')), 'unknown verb')
  t.equal(
    problemText(new Problem('USAGE', 'unknown verb', { found: 'runn' })),
    'unknown verb\n  found: runn',
  )
})

t.test('every code says what its catcher does', async t => {
  for (const [code, { disposition }] of Object.entries(catalogue)) {
    const problem = new Problem(code as keyof typeof catalogue, 'x')
    t.equal(problem.disposition, disposition, code)
    t.ok(['usage', 'stop', 'fail-job', 'retry'].includes(disposition), code)
    t.match(code, /^[A-Z]+(_[A-Z]+)*$/)
  }
})

t.test('a problem is known by its code, anything else is none', async t => {
  const problem = new Problem('JOB_PLUGIN', 'x')
  t.ok(isProblem(problem))
  t.ok(isProblem(problem, 'JOB_PLUGIN'))
  t.notOk(isProblem(problem, 'JOB_INVALID'))
  t.notOk(isProblem(new Error('x')))
  t.notOk(isProblem(undefined))
})

t.test('a message has those of its causes', async t => {
  const low = new Error('ECONNREFUSED')
  t.equal(messageOf(new Error('no answer', { cause: low })), 'no answer: ECONNREFUSED')
  t.equal(messageOf(new TypeError('')), 'TypeError')
  t.equal(messageOf('plain'), 'plain')
})

t.test('the cause of a problem is kept, and is not in its text', async t => {
  const problem = new Problem('TOKEN_FILE', 'x', { cause: new Error('inner') })
  t.equal((problem.cause as Error).message, 'inner')
  t.equal(problemText(problem), 'x')
})
