import t from 'tap'
import { cancelTimes } from '../../../lib/pod/containers/grace.js'

t.test('the parts of the grace make up the whole, and each is a second at least', async t => {
  const table: [number, { whole: number; signal: number; cleanup: number }][] = [
    [60, { whole: 60, signal: 50, cleanup: 10 }],
    [20, { whole: 20, signal: 10, cleanup: 10 }],
    [15, { whole: 15, signal: 8, cleanup: 7 }],
    [3, { whole: 3, signal: 2, cleanup: 1 }],
    [2, { whole: 2, signal: 1, cleanup: 1 }],
    [1, { whole: 2, signal: 1, cleanup: 1 }],
    [0, { whole: 2, signal: 1, cleanup: 1 }],
  ]
  for (const [grace, wanted] of table) t.same(cancelTimes(grace), wanted, `${grace} s`)
})
