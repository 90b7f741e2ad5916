import { join } from 'node:path'
import t from 'tap'
import { readWishes } from '../../lib/commands/sandbox-wishes.js'
import { isProblem, type Problem } from '../../lib/errors.js'
import { samplePipeline } from '../../lib/sandbox/sample-pipeline.js'

function refusal(argv: readonly string[]): Problem {
  try {
    readWishes(argv)
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error('the wishes were taken')
}

t.test('without a word the sample runs on this machine', async t => {
  t.same(readWishes([]), {
    pipeline: { text: samplePipeline, source: 'sample pipeline' },
    repo: undefined,
    out: undefined,
    realCluster: false,
    flags: [],
  })
})

t.test("a pipeline's file is read, and the spawner's own flags are passed on", async t => {
  const file = join(t.testdir({ 'p.yml': 'steps: []' }), 'p.yml')
  t.match(readWishes([file, '--repo', 'r', '--out=o', '--max-in-flight', '9']), {
    pipeline: { text: 'steps: []', source: file },
    repo: 'r',
    out: 'o',
    realCluster: false,
    flags: ['--max-in-flight=9'],
  })
})

t.test('a context or a kubeconfig means a real cluster', async t => {
  for (const flag of ['--context=kind-kind', '--kubeconfig=/k']) {
    t.match(readWishes([flag]), { realCluster: true, flags: [flag] })
  }
})

t.test('what can not be used is a problem that says which', async t => {
  t.match(refusal(['a.yml', 'b.yml']), { code: 'USAGE', message: /more than one/ })
  t.match(refusal(['/nowhere.yml']), { code: 'PIPELINE_FILE', where: '/nowhere.yml' })
  t.match(refusal(['--namespce=x']), { code: 'USAGE', hint: 'did you mean --namespace?' })
  t.match(refusal(['--token=x']), { code: 'USAGE' }, "the sandbox's own")
})
