import t from 'tap'
import { PodChunks, type ChunkOutcome } from '../../lib/run/pod-chunks.js'
import { HandClock } from '../cluster-client/hand-clock.js'

const chunk = (sequence: number, size = 10) => ({ sequence, offset: (sequence - 1) * 10, size })

function went(chunks: PodChunks, sequence: number, outcome: ChunkOutcome = 'taken') {
  chunks.began(chunk(sequence))
  chunks.ended(chunk(sequence), outcome)
}

const begun = () => new PodChunks({ sequence: 1, offset: 10 })

t.test('the log stands behind what upstream has, in whatever order it came', async t => {
  const chunks = begun()
  t.same(chunks.position, { sequence: 1, offset: 10 })
  for (const sequence of [3, 2, 4]) went(chunks, sequence)
  t.same(chunks.position, { sequence: 4, offset: 40 })
  t.equal(chunks.lost, 0)
})

t.test('while a chunk is under way, nobody knows where the log ends', async t => {
  const chunks = begun()
  chunks.began(chunk(2))
  t.equal(chunks.position, undefined)
  chunks.ended(chunk(2), 'taken')
  t.same(chunks.position, { sequence: 2, offset: 20 })
})

t.test(
  'a chunk without an answer may be there: until it is known, nothing goes over it',
  async t => {
    const chunks = begun()
    went(chunks, 2, 'unknown')
    t.equal(chunks.position, undefined)
    t.equal(chunks.lost, 0, 'nor is it known to be lost')
    went(chunks, 2)
    t.same(chunks.position, { sequence: 2, offset: 20 })
    went(chunks, 3)
    went(chunks, 2, 'unknown')
    t.same(chunks.position, { sequence: 3, offset: 30 }, 'sent twice: upstream has it')
  },
)

t.test('a chunk that upstream refused leaves a gap that is counted, until it is taken', async t => {
  const chunks = begun()
  went(chunks, 2, 'refused')
  went(chunks, 3)
  t.equal(chunks.lost, 1)
  t.same(chunks.position, { sequence: 3, offset: 30 })
  went(chunks, 2)
  t.equal(chunks.lost, 0)
})

t.test('a chunk that never came although later ones did is lost', async t => {
  const chunks = begun()
  went(chunks, 2)
  went(chunks, 5)
  t.equal(chunks.lost, 2)
})

t.test('after a crash the end is known when a chunk must be new', async t => {
  const chunks = new PodChunks(undefined)
  for (const sequence of [5, 9, 7]) went(chunks, sequence)
  t.equal(chunks.position, undefined, 'the dead process may have forwarded a tenth')
  went(chunks, 11)
  t.same(chunks.position, { sequence: 11, offset: 110 })
})

t.test('who waits for the chunks under way waits until they ended, or no longer', async t => {
  const chunks = begun()
  const clock = new HandClock()
  await chunks.quiet(1_000, clock)
  for (const sequence of [2, 3]) chunks.began(chunk(sequence))
  let over = false
  const quiet = chunks.quiet(1_000, clock).then(() => (over = true))
  chunks.ended(chunk(2), 'taken')
  await new Promise(resolve => setImmediate(resolve))
  t.notOk(over)
  chunks.ended(chunk(3), 'taken')
  await quiet
  chunks.began(chunk(4))
  const late = chunks.quiet(1_000, clock)
  await new Promise(resolve => setImmediate(resolve))
  clock.advance(1_000)
  await late
  t.equal(clock.sleeping, 0)
})
