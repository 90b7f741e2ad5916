import t from 'tap'
import { orAfter } from '../lib/clock.js'
import { HandClock } from './cluster-client/hand-clock.js'

t.test('in time, a promise gives what it gives', async t => {
  const clock = new HandClock()
  t.equal(await orAfter(Promise.resolve('it'), 10, { clock, instead: 'late' }), 'it')
  await t.rejects(orAfter(Promise.reject(new Error('no')), 10, { clock, instead: 'late' }), /no/)
})

t.test('later than that, nobody waits for it, and its failure troubles nobody', async t => {
  const clock = new HandClock()
  let fail = (_: Error) => {}
  const promise = new Promise<string>((_, reject) => (fail = reject))
  const answer = orAfter(promise, 10, { clock, instead: 'late' })
  clock.advance(10)
  t.equal(await answer, 'late')
  fail(new Error('no'))
  await new Promise(resolve => setImmediate(resolve))
})
