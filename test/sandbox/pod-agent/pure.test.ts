import t from 'tap'
import { shellWords } from '../../../lib/sandbox/pod-agent/command.js'
import { commandEnvironment, inWorkspace } from '../../../lib/sandbox/pod-agent/environment.js'
import { globExpression } from '../../../lib/sandbox/pod-agent/glob.js'
import { interpolated } from '../../../lib/sandbox/pod-agent/interpolate.js'
import { marked } from '../../../lib/sandbox/pod-agent/log-stream.js'

t.test('the environment is merged as the real bootstrap merges it', async t => {
  const env = commandEnvironment({
    host: { PATH: '/usr/bin', HOME: '/home/jo' },
    agent: {
      BUILDKITE_AGENT_TOKEN: 'secret',
      BUILDKITE_BUILD_PATH: '/workspace/build',
      OF_AGENT: 'a',
    },
    job: {
      BUILDKITE_COMMAND: 'job',
      BUILDKITE_BRANCH: 'main',
      BOTH: 'job',
      BUILDKITE_AGENT_NAME: 'slot',
    },
    container: { BUILDKITE_COMMAND: 'own', BOTH: 'container', ONLY: 'c', FILE: '/workspace/x' },
    endpoint: 'http://gateway/v3',
    token: 'job-token',
    bin: '/pod/bin',
    workspace: '/pod/workspace',
  })
  t.match(env, {
    PATH: '/pod/bin:/usr/bin',
    HOME: '/home/jo',
    BUILDKITE_COMMAND: 'own',
    BUILDKITE_BRANCH: 'main',
    BUILDKITE_AGENT_NAME: 'slot',
    BOTH: 'job',
    ONLY: 'c',
    OF_AGENT: 'a',
    FILE: '/pod/workspace/x',
    BUILDKITE_AGENT_ACCESS_TOKEN: 'job-token',
    BUILDKITE_AGENT_ENDPOINT: 'http://gateway/v3',
    BUILDKITE_BUILD_CHECKOUT_PATH: '/pod/workspace/build/buildkite',
  })
  t.notOk('BUILDKITE_AGENT_TOKEN' in env)
  t.equal(inWorkspace('/workspaces/x', '/pod'), '/workspaces/x')
  t.equal(inWorkspace('echo /workspace', '/pod'), 'echo /workspace')
})

t.test('a mark stands at the beginning of each line only', async t => {
  const mark = '\u001B_bk;t=5\u0007'
  const text = (data: string, atLineStart: boolean) =>
    marked(Buffer.from(data), { now: 5, atLineStart }).toString()
  t.equal(text('a\nb', true), `${mark}a\n${mark}b`)
  t.equal(text('b\n\n', false), `b\n${mark}\n`)
})

t.test('patterns mean what they mean to the real agent', async t => {
  const fits = (pattern: string, path: string) => globExpression(pattern).test(path)
  t.ok(fits('**/*.txt', 'a.txt'))
  t.ok(fits('**/*.txt', 'a/b/c.txt'))
  t.notOk(fits('*.txt', 'a/b.txt'))
  t.ok(fits('a/**', 'a/b/c'))
  t.ok(fits('log.{txt,xml}', 'log.xml'))
  t.notOk(fits('log.{txt,xml}', 'log.xm'))
  t.ok(fits('f[0-9]?.a', 'f1x.a'))
  t.notOk(fits('a.b', 'axb'))
})

t.test('variables are put into a pipeline, and dollar signs can be kept', async t => {
  const env = { A: '1', EMPTY: '' }
  const put = (text: string) => interpolated(text, env)
  t.equal(put('$A ${A} $$A \\$A $NONE.'), '1 1 $A $A .')
  t.equal(put('${EMPTY:-d} ${EMPTY-d} ${NONE-d}'), 'd  d')
  t.same(interpolated({ steps: [{ $A: ['$A', 1, null] }] }, env), {
    steps: [{ '1': ['1', 1, null] }],
  })
  t.throws(() => put('${NONE?must be set}'), { message: '$NONE: must be set' })
})

t.test('a shell is split into words as the agent splits it', async t => {
  t.same(shellWords(' /bin/sh  -ec '), ['/bin/sh', '-ec'])
  t.same(shellWords(String.raw`tini -s -- printf "a b" "q\"\\u" ""`), [
    'tini',
    '-s',
    '--',
    'printf',
    'a b',
    String.raw`q"\u`,
    '',
  ])
})
