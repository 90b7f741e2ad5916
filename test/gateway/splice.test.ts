import t from 'tap'
import { advanced, chunkNumbers, spliced } from '../../lib/gateway/splice.js'

t.test("a pod's chunk moves behind our own lines", async t => {
  const opening = { sequence: 2, offset: 80 }
  t.same(spliced({ sequence: 1, offset: 0, size: 10 }, opening), {
    sequence: 3,
    offset: 80,
    size: 10,
  })
  t.same(spliced({ sequence: 2, offset: 10, size: 5 }, opening), {
    sequence: 4,
    offset: 90,
    size: 5,
  })
})

t.test('the end of the log is known whichever order chunks come in', async t => {
  const chunks = [
    { sequence: 3, offset: 20, size: 5 },
    { sequence: 1, offset: 0, size: 10 },
    { sequence: 2, offset: 10, size: 10 },
  ]
  t.same(chunks.reduce(advanced, { sequence: 0, offset: 0 }), { sequence: 3, offset: 25 })
})

t.test('only whole numbers are numbers of a chunk', async t => {
  t.same(chunkNumbers(new URLSearchParams('sequence=1&offset=0&size=12')), {
    sequence: 1,
    offset: 0,
    size: 12,
  })
  for (const query of [
    '',
    'sequence=1&offset=0',
    'sequence=-1&offset=0&size=1',
    'sequence=1e3&offset=0&size=1',
  ]) {
    t.equal(chunkNumbers(new URLSearchParams(query)), undefined, query)
  }
})
