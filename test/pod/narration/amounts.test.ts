import t from 'tap'
import { duration, goDuration, size } from '../../../lib/pod/narration/amounts.js'

t.test('durations are as people say them', async t => {
  const spoken = [0, 840, 1_000, 4_230, 9_949, 9_950, 59_400, 59_600, 92_000, 120_000, 7_500_000]
  t.same(spoken.map(duration), [
    ...['0 ms', '840 ms', '1 s', '4.2 s', '9.9 s', '10 s', '59 s'],
    ...['1 min', '1 min 32 s', '2 min', '2 h 5 min'],
  ])
  t.equal(duration(-500), '0 ms', 'clocks may differ')
})

t.test('sizes are in the units of registries', async t => {
  const sizes = [0, 999, 1_000, 1_250, 98_412_345, 999_999_999, 4_812_345_678]
  t.same(sizes.map(size), ['0 bytes', '999 bytes', '1 kB', '1.3 kB', '98 MB', '1000 MB', '4.8 GB'])
})

t.test("durations as Go prints them are read, and what is none isn't", async t => {
  const read = ['345ms', '2.815s', '1m23.412s', '1h0m1s', '12µs', '0s'].map(goDuration)
  t.same(
    read.map(ms => ms && Math.round(ms)),
    [345, 2_815, 83_412, 3_601_000, 0, 0],
  )
  for (const text of ['', 's', '1', '1 s', '1x', '-1s']) t.equal(goDuration(text), undefined, text)
})
