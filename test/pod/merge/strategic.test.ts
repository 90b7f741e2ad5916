import t from 'tap'
import { PatchError } from '../../../lib/pod/merge/patch-error.js'
import { strategicMerge } from '../../../lib/pod/merge/strategic.js'
import { mergeCases, type MergeCase } from './cases.js'

// test/cluster/strategic-merge.test.ts asks the API server the same.
for (const one of mergeCases()) {
  t.test(`${one.name}: ${one.why}`, async t => {
    const before = JSON.stringify([one.original, one.patch])
    const outcome = merge(one)
    t.same(outcome, one.refused ?? one.merged)
    t.equal(JSON.stringify(merge(one)), JSON.stringify(outcome), 'the same bytes again')
    t.equal(JSON.stringify([one.original, one.patch]), before, 'what went in is as it was')
  })
}

function merge({ original, patch, definition }: MergeCase): object {
  try {
    return strategicMerge(original, patch, definition)
  } catch (error) {
    if (!(error instanceof PatchError)) throw error
    return { in: error.in, path: error.path, wanted: error.wanted, found: error.found }
  }
}

t.test('the result shares nothing with what went in', async t => {
  const original = { containers: [{ name: 'a', env: [{ name: 'A' }] }], nodeSelector: { a: 'b' } }
  const patch = {
    tolerations: [{ key: 'a' }],
    affinity: { podAffinity: {} },
    volumes: [{ name: 'v' }],
  }
  const first = strategicMerge<Record<string, unknown>>(original, patch)
  const before = JSON.stringify(first)
  scribble(first)
  t.equal(JSON.stringify(strategicMerge(original, patch)), before)
})

// Changes every object and list in it.
function scribble(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.values(value).forEach(scribble)
  if (Array.isArray(value)) value.push('scribble')
  else Object.assign(value, { scribble: true })
}

t.test('a key that every JavaScript object has is a key like others', async t => {
  const patch = JSON.parse('{"nodeSelector":{"__proto__":"a","constructor":"b"},"toString":1}') as {
    [key: string]: unknown
  }
  const merged = strategicMerge({ nodeSelector: { c: 'd' } }, patch)
  const text = '{"nodeSelector":{"c":"d","__proto__":"a","constructor":"b"},"toString":1}'
  t.equal(JSON.stringify(merged), text)
  t.equal(Object.getPrototypeOf(merged.nodeSelector), Object.prototype)
})

t.test('an error says where it is and what was wanted, without values', async t => {
  const merge = () => strategicMerge({}, { volumes: [{ name: 'v', $patch: 'hunter2' }] })
  t.throws(merge, {
    message: 'patch.volumes.0.$patch: wanted replace or delete, found another word',
  })
})

t.test('a long list is merged in the order of the patch', async t => {
  const names = Array.from({ length: 2000 }, (_, index) => ({ name: `N${index}` }))
  const merged = strategicMerge(
    { imagePullSecrets: names },
    { imagePullSecrets: names.toReversed() },
  )
  t.same(merged.imagePullSecrets, names.toReversed())
})
