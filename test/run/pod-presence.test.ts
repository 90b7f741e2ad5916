import t from 'tap'
import { PodPresence } from '../../lib/run/pod-presence.js'
import { HandClock } from '../cluster-client/hand-clock.js'

function presence() {
  const clock = new HandClock()
  return { clock, seen: new PodPresence({ clock, restored: false }) }
}

t.test('an agent writes from the moment that it sends a chunk until that is answered', async t => {
  const { clock, seen } = presence()
  t.notOk(seen.writing)
  const [one, two] = [seen.writes('/chunks?sequence=1'), seen.writes('/chunks?sequence=2')]
  one(false)
  one(false)
  t.ok(seen.writing, 'another is under way, and one answer counts once')
  clock.advance(1_000)
  two(false)
  t.notOk(seen.writing)
})

t.test('one that was told to come again is not silent until it has had the time to', async t => {
  const { clock, seen } = presence()
  seen.writes('/chunks?sequence=1')(true)
  clock.advance(29_999)
  t.ok(seen.writing)
  clock.advance(1)
  t.notOk(seen.writing)
  clock.advance(70_000)
  seen.writes('/chunks?sequence=1')(true)
  clock.advance(99_999)
  t.ok(seen.writing, 'its pauses grow with the time that it has tried')
  seen.writes('/chunks?sequence=1')(false)
  t.notOk(seen.writing)
})

t.test('a chunk that is taken says nothing of another that was turned away', async t => {
  const { seen } = presence()
  seen.writes('/chunks?sequence=1')(true)
  seen.writes('/chunks?sequence=2')(false)
  t.ok(seen.writing)
})

t.test(
  'whether it has asked for the state is known, but for what an earlier process saw',
  async t => {
    const { clock, seen } = presence()
    t.equal(seen.lastPoll, 'never')
    seen.polled('running', clock.now() - 500)
    t.equal(seen.lastPoll, clock.now() - 500, 'when it asked, not when it was told')
    t.equal(new PodPresence({ clock, restored: true }).lastPoll, undefined)
  },
)

t.test('an agent that waits for an answer is there all the time', async t => {
  const { clock, seen } = presence()
  t.equal(seen.calledAt, undefined)
  const [one, two] = [seen.calls(), seen.calls()]
  clock.advance(50_000)
  t.equal(seen.calledAt, clock.now())
  one()
  one()
  clock.advance(1_000)
  t.equal(seen.calledAt, clock.now(), 'another waits still, and one answer counts once')
  two()
  const last = clock.now()
  clock.advance(5_000)
  t.equal(seen.calledAt, last)
})
