import t from 'tap'
import { backoffMs } from '../../lib/cluster/backoff.js'

t.test('waits double from half a second to half a minute, the upper half by chance', async t => {
  const table: [number, number, number][] = [
    [0, 0, 250],
    [0, 1, 500],
    [1, 0.5, 750],
    [3, 1, 4000],
    [6, 1, 30_000],
    [6, 0, 15_000],
    [5000, 1, 30_000],
  ]
  for (const [attempt, random, wanted] of table) {
    t.equal(backoffMs(attempt, random), wanted, `attempt ${attempt}, chance ${random}`)
  }
})
