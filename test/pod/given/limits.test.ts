import { spawnSync } from 'node:child_process'
import t from 'tap'
import { isProblem } from '../../../lib/errors.js'
import { checkEnvironment, checkLength } from '../../../lib/pod/given/limits.js'

const longest = 131_071

t.test('a variable as long as Linux takes one is fine, and one byte more is not', async t => {
  const [fits, tooLong] = ['x'.repeat(longest - 'A='.length), 'x'.repeat(longest - 1)]
  t.doesNotThrow(() => checkEnvironment({ A: fits }))
  t.throws(() => checkEnvironment({ A: tooLong }), { code: 'JOB_INVALID', where: 'A' })
  if (process.platform !== 'linux') return
  t.equal(spawnSync('/bin/true', { env: { A: fits } }).error, undefined, 'Linux takes it')
  t.match(spawnSync('/bin/true', { env: { A: tooLong } }).error, { code: 'E2BIG' }, 'or not')
})

t.test('length is counted in bytes, and dollars as the kubelet will have them', async t => {
  const half = longest / 2
  t.throws(() => checkEnvironment({ A: 'é'.repeat(half) }), {
    code: 'JOB_INVALID',
    found: '131072 bytes',
  })
  const variable = (value: string) => [{ name: 'A', value }]
  t.doesNotThrow(() => checkLength('container-0', variable('$$'.repeat(longest - 2))))
  t.throws(() => checkLength('container-0', variable('x$$'.repeat(longest / 2))), {
    code: 'JOB_INVALID',
    where: 'A of the container container-0',
  })
})

t.test('the list of plugins does not count: the pod agent takes our plugin out of it', async t => {
  t.doesNotThrow(() => checkEnvironment({ BUILDKITE_PLUGINS: 'x'.repeat(longest * 2) }))
})

t.test('many variables together may be too much, and no value is told', async t => {
  const many = Object.fromEntries(
    Array.from({ length: 24 }, (_, index) => [`A${index}`, 'hunter2'.repeat(14_000)]),
  )
  try {
    checkEnvironment(many)
    t.fail('not refused')
  } catch (error) {
    t.ok(isProblem(error, 'JOB_INVALID'))
    t.notMatch(JSON.stringify(error), 'hunter2')
  }
})
