import t from 'tap'
import { UpstreamHealth, type Verdict } from '../../lib/gateway/upstream-health.js'
import { HandClock } from '../cluster-client/hand-clock.js'

const endpoint = 'https://upstream.example/v3'

function health() {
  const clock = new HandClock()
  const made = new UpstreamHealth(clock)
  const enter = (jobId: string, kind = 'chunk') => made.enter({ endpoint, jobId, kind })
  const tell = (jobId: string, verdict: Verdict, retryAfterMs?: number) => {
    const pass = enter(jobId)
    pass?.verdict(verdict, retryAfterMs)
    return pass !== undefined
  }
  return { clock, made, enter, tell }
}

t.test('a failure holds back the same kind of call of the same job only', async t => {
  const { tell, enter, clock } = health()
  tell('a', 'failed')
  t.notOk(enter('a'))
  t.ok(enter('a', 'state'))
  t.ok(enter('b'))
  clock.advance(500)
  t.ok(tell('a', 'good'))
  t.ok(enter('a') && enter('a'))
})

t.test('failures of two jobs without an answer in between hold back all', async t => {
  const { tell, enter, clock } = health()
  tell('a', 'failed')
  tell('c', 'good')
  tell('b', 'failed')
  t.ok(enter('c'), 'an answer came in between')
  clock.advance(500)
  tell('a', 'failed')
  t.notOk(enter('c'))
  clock.advance(500)
  const probe = enter('c')
  t.ok(probe)
  t.notOk(enter('d'), 'one finds out')
  probe?.verdict('good')
  t.ok(enter('d'))
})

t.test('that nobody is there holds back all at once', async t => {
  const { tell, enter } = health()
  tell('a', 'away')
  t.notOk(enter('b'))
  t.notOk(enter('c', 'state'))
})

t.test(
  'the waits grow up to fifteen seconds, and what upstream asks for is kept up to a minute',
  async t => {
    const { tell, made, clock } = health()
    const rest = () => made.retryAfterSeconds({ endpoint, jobId: 'x', kind: 'chunk' }) * 1_000
    const waits: number[] = []
    for (let i = 0; i < 8; i++) {
      tell('x', 'away')
      waits.push(rest())
      clock.advance(rest())
    }
    t.same(
      waits,
      [1, 1, 2, 4, 8, 15, 15, 15].map(s => s * 1_000),
    )
    tell('x', 'away', 40_000)
    t.equal(rest(), 40_000)
    clock.advance(40_000)
    tell('x', 'away', 86_400_000)
    t.equal(rest(), 60_000)
  },
)

t.test('a probe that tells nothing, or nothing for long, is followed by another', async t => {
  const { tell, enter, clock } = health()
  tell('a', 'away')
  clock.advance(1_000)
  enter('b')?.verdict('none')
  const second = enter('b')
  t.ok(second)
  t.notOk(enter('c'))
  clock.advance(10_000)
  const third = enter('c')
  t.ok(third)
  third?.verdict('good')
  t.ok(enter('d'))
})

t.test('a verdict is told once', async t => {
  const { enter } = health()
  const pass = enter('a')
  pass?.verdict('good')
  pass?.verdict('away')
  t.ok(enter('b'))
})

t.test('calls that went together and failed together are one failure', async t => {
  const { enter, made } = health()
  const passes = [...Array(20).keys()].map(n => enter(`job-${n}`))
  for (const pass of passes) pass?.verdict('away')
  t.equal(made.retryAfterSeconds({ endpoint, jobId: 'new', kind: 'chunk' }), 1)
})
