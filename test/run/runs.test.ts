import t from 'tap'
import { Runs } from '../../lib/run/runs.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { jobId, payload, runAt } from './run-of.js'

t.test('a run is known while it goes on, and ten minutes longer', async t => {
  const clock = new HandClock()
  const runs = new Runs(clock)
  const of = (id: string) => runAt(t, 'http://127.0.0.1:9/v3', { payload: { ...payload, id } }).run
  const [one, two] = [of(jobId), of('two')]
  runs.add(one)
  runs.add(two)
  t.same(runs.open(), [one, two])
  one.endedUpstream('over')
  await one.ended
  t.same(runs.open(), [two])
  t.equal(runs.find(jobId), one, 'its pod still asks')
  clock.advance(9 * 60_000)
  runs.add(of('three'))
  t.equal(runs.find(jobId), one)
  clock.advance(60_000)
  runs.add(of('four'))
  t.equal(runs.find(jobId), undefined)
  t.equal(runs.find('two'), two, 'one that goes on is never forgotten')
})

t.test('a job that comes again is a run of its own', async t => {
  const clock = new HandClock()
  const runs = new Runs(clock)
  const [first, again] = [runAt(t, 'x').run, runAt(t, 'x').run]
  runs.add(first)
  first.endedUpstream('given to somebody else')
  await first.ended
  runs.add(again)
  clock.advance(60 * 60_000)
  runs.add(runAt(t, 'x', { payload: { ...payload, id: 'other' } }).run)
  t.equal(runs.find(jobId), again)
})
