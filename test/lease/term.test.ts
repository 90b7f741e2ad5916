import t from 'tap'
import {
  actsUntil,
  marginMs,
  paceOf,
  sighted,
  whenHolding,
  whenStandingBy,
  type LeaseState,
  type Sighting,
} from '../../lib/lease/term.js'

const held: LeaseState = { version: '7', holder: 'other', durationMs: 10_000, transitions: 3 }
const durationMs = 5_000

const at = (state: LeaseState | undefined, more: Partial<Sighting> = {}): Sighting => ({
  state,
  at: 1_000,
  termMs: 10_000,
  neverSeen: false,
  ...more,
})

t.test('what one who stands by does', t => {
  const me = { identity: 'me', isDead: false, mayBeHeld: false, now: 5_000 }
  const rows: [string, Sighting, Partial<typeof me>, object][] = [
    ['held', at(held), {}, { act: 'wait', until: 11_000, holder: 'other' }],
    ['just before its end', at(held), { now: 10_999 }, { act: 'wait' }],
    ['expired', at(held), { now: 11_000 }, { act: 'take' }],
    ['its holder is dead', at(held), { isDead: true }, { act: 'take' }],
    ['released', at({ ...held, holder: '' }), {}, { act: 'take' }],
    ['ours: the answer was lost', at({ ...held, holder: 'me' }), {}, { act: 'renew' }],
    ['missing from the start', at(undefined, { neverSeen: true }), {}, { act: 'create' }],
    [
      'missing from the start, but there may be a leader',
      at(undefined, { neverSeen: true }),
      { mayBeHeld: true },
      { act: 'wait', until: 11_000, holder: '' },
    ],
    [
      'missing from the start, and waited for',
      at(undefined, { neverSeen: true }),
      { mayBeHeld: true, now: 11_000 },
      { act: 'create' },
    ],
    ['deleted', at(undefined), {}, { act: 'wait', until: 11_000 }],
    ['deleted, and waited for', at(undefined), { now: 11_000 }, { act: 'create' }],
  ]
  for (const [name, sighting, given, wanted] of rows) {
    t.match(whenStandingBy(sighting, { ...me, ...given }), wanted, name)
  }
  t.end()
})

t.test('the wait counts from when we saw the last change, and is as long as the Lease says', t => {
  const first = sighted(undefined, held, { now: 100, durationMs })
  t.match(first, { at: 100, termMs: 10_000, neverSeen: false })
  t.equal(sighted(first, { ...held }, { now: 9_000, durationMs }), first, 'nothing has changed')
  const renewed = sighted(first, { ...held, version: '8' }, { now: 9_500, durationMs })
  t.match(renewed, { at: 9_500, termMs: 10_000 })
  const unsaid = sighted(
    renewed,
    { ...held, version: '9', durationMs: undefined },
    { now: 1, durationMs },
  )
  t.equal(unsaid.termMs, durationMs, 'our own duration where it says none')
  t.end()
})

t.test('a Lease that was deleted is waited for anew, one that never was is not', t => {
  const none = sighted(undefined, undefined, { now: 100, durationMs })
  t.match(none, { state: undefined, at: 100, neverSeen: true })
  t.equal(sighted(none, undefined, { now: 900, durationMs }), none)
  const seen = sighted(none, held, { now: 1_000, durationMs })
  const gone = sighted(seen, undefined, { now: 8_000, durationMs })
  t.match(gone, { at: 8_000, termMs: 10_000, neverSeen: false })
  t.equal(sighted(gone, undefined, { now: 9_000, durationMs }), gone)
  t.end()
})

t.test('what one who holds the lease does when it finds it so', t => {
  const rows: [LeaseState | undefined, boolean, string][] = [
    [{ ...held, holder: 'me' }, true, 'renew'],
    [{ ...held, holder: 'me' }, false, 'renew'],
    [held, true, 'lost'],
    [held, false, 'lost'],
    [{ ...held, holder: '' }, true, 'lost'],
    [undefined, true, 'create'],
    [undefined, false, 'lost'],
  ]
  for (const [state, termLasts, wanted] of rows) {
    const found = whenHolding(state, { identity: 'me', termLasts })
    t.equal(found, wanted, `${state?.holder ?? 'missing'}, ${termLasts}`)
  }
  t.end()
})

t.test(
  'our own term ends before the one that others count, and has room for a failed renewal',
  t => {
    for (const ms of [3_000, 5_000, 10_000, 60_000]) {
      t.ok(actsUntil(0, ms) <= ms - 500)
      t.ok(actsUntil(0, ms) <= ms * 0.9)
      const { renewMs, requestMs, pollMs } = paceOf(ms)
      t.ok(renewMs + requestMs + requestMs / 2 < actsUntil(0, ms), 'one hangs, the next has time')
      t.ok(pollMs <= 1_000)
    }
    t.equal(marginMs(10_000), 1_000)
    t.equal(marginMs(3_000), 500)
    t.end()
  },
)
