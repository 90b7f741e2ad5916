import t from 'tap'
import { without } from '../../../lib/commands/lint/peel.js'

t.test('what is faulty goes, and what stays keeps its place', async t => {
  const value = { a: [{ b: 1, c: 2 }, { d: 3 }], e: ['x', 'y'], f: { g: 1 } }
  t.same(without(value, ['f', 'g']), { ...value, f: {} })
  t.same(without(value, ['a', 0, 'b']), { ...value, a: [{ c: 2 }, { d: 3 }] })
  t.same(without(value, ['a', 0]), { ...value, a: [{}, { d: 3 }] })
  t.same(without(value, ['e', 1]), { a: value.a, f: value.f })
  t.same(without(value, ['f']), { a: value.a, e: value.e })
  t.equal(without(value, []), undefined)
})

t.test('a key that is not there takes nothing with it', async t => {
  t.same(without({ a: { b: 1 } }, ['a', 'c']), { a: { b: 1 } })
})
