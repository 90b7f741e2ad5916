// Each file of goldens/ is a situation with the verdict that follows, or the explanation of what the agent reports; a
// new cause is a new file. `npm run snap` writes what is expected anew.
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { causes } from '../../../lib/pod/verdict/causes.js'
import { answer, situations } from './situation.js'

const all = situations()

for (const situation of all) {
  const { name, document, content, url } = situation
  t.test(`${name}: ${content.about}`, async t => {
    const found = answer(situation)
    if (t.writeSnapshot) {
      document.set('expect', found)
      writeFileSync(url, document.toString({ lineWidth: 0, singleQuote: true }))
    }
    const expected = t.writeSnapshot
      ? found
      : (content.expect ?? 'no such golden: run npm run snap')
    t.same(found, expected)
    t.same(answer(situation), found, 'the same again')
  })
}

t.test('each cause has its situation', async t => {
  const seen = new Set(all.map(one => causeOf(answer(one))))
  // The supervisor's own: a verdict cannot tell a Job that is gone from one that has not been seen yet.
  for (const cause of Object.keys(causes)) t.ok(cause === 'JobDeleted' || seen.has(cause), cause)
})

function causeOf(found: ReturnType<typeof answer>): string | undefined {
  return typeof found === 'object' && 'cause' in found ? found.cause : undefined
}
