import t from 'tap'
import { nextRequestHeaders } from '../../lib/upstream/session.js'

const had = { 'Buildkite-Shard': '1', 'Buildkite-Old': 'x' }

t.test('headers that upstream sends replace the whole set, else they stay', async t => {
  t.equal(nextRequestHeaders(had, undefined), had)
  t.equal(nextRequestHeaders(had, null), had)
  t.same(nextRequestHeaders(had, { 'Buildkite-Shard': '2' }), { 'Buildkite-Shard': '2' })
  t.same(nextRequestHeaders(had, {}), {}, 'an empty set clears')
})

t.test("only upstream's own names are kept", async t => {
  const sent = { 'Buildkite-A': '1', Authorization: 'Token x', Host: 'y', 'X-Buildkite': 'z' }
  t.same(nextRequestHeaders({}, sent), { 'Buildkite-A': '1' })
})
