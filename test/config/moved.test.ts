import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { loadPodConfig } from '../../lib/config/load.js'
import { moved } from '../../lib/config/moved.js'
import { options } from '../../lib/config/schema.js'
import { isProblem, type Problem } from '../../lib/errors.js'

function refusal(t: { testdir(): string }, text: string): Problem {
  const file = join(t.testdir(), 'c.yaml')
  writeFileSync(file, text)
  try {
    loadPodConfig(['--config', file], {})
  } catch (error) {
    if (isProblem(error)) return error
    throw error
  }
  throw new Error('the key was taken')
}

t.test(
  'each key of agent-stack-k8s that is none of ours is refused by name, with what to do',
  async t => {
    for (const [key, { why, becomes }] of Object.entries(moved)) {
      const [setting = '', inner] = key.split('.')
      const problem = refusal(t, inner ? `${setting}:\n  ${inner}: x\n` : `${setting}: x\n`)
      t.equal(problem.hint, why, key)
      t.match(problem.where, inner ? /:2:3$/ : /:1:1$/, key)
      t.match(why, /^[A-Z].*\.$/s, key)
      if (becomes) t.ok(becomes in options, becomes)
      else t.match(why, /remove|agent-config|log-level/i, `${key}: what to do`)
    }
  },
)

t.test('no key of ours is in the table', async t => {
  for (const key of Object.keys(moved)) t.notOk(key in options, key)
})
