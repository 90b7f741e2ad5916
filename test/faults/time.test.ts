import t from 'tap'
import { within } from './time.js'

t.test('what comes in time is given', async t => {
  let looks = 0
  t.equal(await within(10_000, () => (looks += 1) === 3 && 'here'), 'here')
  t.equal(looks, 3)
})

t.test('what does not come is not waited for longer than that', async t => {
  t.equal(await within(0, () => undefined), undefined)
})

t.test('a machine that is too busy to look is given more time', async t => {
  let looks = 0
  const slow = () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150)
    looks += 1
    return undefined
  }
  await within(200, slow)
  t.ok(looks >= 3, `${looks} looks`)
})
