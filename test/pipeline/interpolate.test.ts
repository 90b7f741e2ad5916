import t from 'tap'
import { hasVariable, interpolate } from '../../lib/pipeline/interpolate.js'

const known: Record<string, string> = { A: 'a', EMPTY: '' }

const rows: [text: string, expected: string, missing: string[]][] = [
  ['$A ${A} x$A.', 'a a xa.', []],
  ['$$A \\$A $(date) $1', '$A $A $(date) $1', []],
  ['$B ${B}', '$B ${B}', ['B', 'B']],
  ['${B:-b} ${EMPTY:-b} ${EMPTY-b} ${A:-b}', 'b b  a', []],
  ['${B:-$A}', 'a', []],
  ['${B?needed}', '${B?needed}', ['B']],
]

t.test('known variables are filled in, the others stay and are told', async t => {
  for (const [text, expected, names] of rows) {
    const missing: string[] = []
    t.equal(
      interpolate(
        text,
        name => known[name],
        name => missing.push(name),
      ),
      expected,
      text,
    )
    t.same(missing, names, text)
  }
})

t.test('a dollar sign alone is no variable', async t => {
  for (const text of ['$A', 'x${A}', '${A:-b}']) t.ok(hasVariable(text), text)
  for (const text of ['$$A', '\\$A', '$(date)', '5$', 'plain']) t.notOk(hasVariable(text), text)
})
