import t from 'tap'
import { Settling } from '../../lib/supervise/settling.js'
import { HandClock } from '../cluster-client/hand-clock.js'

t.test('patience does not run out while the API server was away, nor just after', async t => {
  const clock = new HandClock()
  const settling = new Settling(clock)
  t.equal(settling.judgingTime(), clock.now())
  settling.away()
  clock.advance(44_000)
  t.equal(settling.judgingTime(), 0, 'nobody has waited yet')
  clock.advance(1_000)
  t.equal(settling.judgingTime(), clock.now())
})

t.test(
  'a watch that had to list anew was blind meanwhile; the first list is none of these',
  async t => {
    const clock = new HandClock()
    const settling = new Settling(clock)
    settling.listed()
    t.equal(settling.judgingTime(), clock.now())
    settling.listed()
    t.equal(settling.judgingTime(), 0)
  },
)
