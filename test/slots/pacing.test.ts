import t from 'tap'
import { nextPing, type IdleSlot } from '../../lib/slots/pacing.js'

const slot = (index: number, lastPingAt: number | undefined, woken = false): IdleSlot => ({
  index,
  lastPingAt,
  intervalMs: 10_000,
  woken,
})

t.test('nobody idle, nobody pings', async t => {
  t.equal(nextPing([], { now: 0, lastPingAt: undefined }), undefined)
})

t.test('the first ping is at once', async t => {
  const next = nextPing([slot(0, undefined), slot(1, undefined)], { now: 7, lastPingAt: undefined })
  t.same(next, { index: 0, at: 7 })
})

t.test('who has waited longest is next, and who has never pinged before all', async t => {
  const clock = { now: 9_000, lastPingAt: 8_000 }
  t.match(nextPing([slot(0, 8_000), slot(1, 3_000), slot(2, 5_000)], clock), { index: 1 })
  t.match(nextPing([slot(0, 8_000), slot(1, 3_000), slot(2, undefined)], clock), { index: 2 })
})

t.test('a woken slot pings at once', async t => {
  const next = nextPing([slot(0, 0), slot(1, 8_999, true)], { now: 9_000, lastPingAt: 8_999 })
  t.same(next, { index: 1, at: 9_000 })
})

t.test('pings are even over the interval, and each slot has its turn once an interval', async t => {
  let slots = Array.from({ length: 5 }, (_, index) => slot(index, undefined))
  let lastPingAt: number | undefined
  const pings: { index: number; at: number }[] = []
  for (let now = 0; pings.length < 20;) {
    const next = nextPing(slots, { now, lastPingAt })
    if (!next) break
    now = lastPingAt = Math.max(now, next.at)
    pings.push({ index: next.index, at: now })
    slots = slots.map(one => (one.index === next.index ? { ...one, lastPingAt: now } : one))
  }
  t.same(
    pings.map(({ at }) => at),
    Array.from({ length: 20 }, (_, n) => n * 2_000),
  )
  t.same(
    pings.map(({ index }) => index),
    Array.from({ length: 20 }, (_, n) => n % 5),
  )
})
