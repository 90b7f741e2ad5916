import t from 'tap'
import { cancelTimes } from '../../../lib/pod/containers/grace.js'

t.test('the parts of the grace make up the whole, and the command always gets some', async t => {
  const table: [number, { whole: number; signal: number; cleanup: number }][] = [
    [60, { whole: 60, signal: 50, cleanup: 10 }],
    [20, { whole: 20, signal: 10, cleanup: 10 }],
    [15, { whole: 15, signal: 8, cleanup: 7 }],
    [1, { whole: 1, signal: 1, cleanup: 0 }],
    [0, { whole: 1, signal: 1, cleanup: 0 }],
  ]
  for (const [grace, wanted] of table) t.same(cancelTimes(grace), wanted, `${grace} s`)
})
