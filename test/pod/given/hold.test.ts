import t from 'tap'
import { isProblem } from '../../../lib/errors.js'
import { checkHold, durationText, holdOf } from '../../../lib/pod/given/hold.js'
import { holdAnnotation, holdSecondsOf } from '../../../lib/pod/metadata.js'

t.test('a hold is as long as the step asks for, and the operator allows', async t => {
  const table: [string | undefined, number | undefined, number, RegExp | undefined][] = [
    [undefined, 600, 0, undefined],
    ['0s', 0, 0, undefined],
    ['10m', 600, 600, undefined],
    ['1500ms', 600, 2, undefined],
    ['1.5 h', 6_000, 5_400, undefined],
    ['1d', 86_400, 86_400, undefined],
    ['1h', 90, 90, /^holdOnFailure of 1h is cut to 90s: .*max-hold-on-failure/],
    ['10m', 0, 0, /^holdOnFailure of 10m is left out: .*max-hold-on-failure/],
    ['10m', undefined, 0, /left out/],
  ]
  for (const [holdOnFailure, maxHoldSeconds, seconds, note] of table) {
    const hold = holdOf(holdOnFailure === undefined ? {} : { holdOnFailure }, { maxHoldSeconds })
    t.equal(hold.seconds, seconds, `${holdOnFailure} of ${maxHoldSeconds}`)
    if (note) t.match(hold.note, note)
    else t.notOk(hold.note)
  }
})

t.test('what is no duration is refused, and not shown', async t => {
  for (const holdOnFailure of ['', '600', 'soon', '-5m', '5 parsecs', 'm', '10m ', '1e3s']) {
    try {
      checkHold({ holdOnFailure })
      t.fail(`${holdOnFailure} was taken`)
    } catch (error) {
      if (!isProblem(error)) throw error
      t.match(error, { code: 'JOB_PLUGIN', where: 'kubernetes plugin, holdOnFailure' })
      t.notMatch(error.found, holdOnFailure || 'nothing')
    }
  }
  t.doesNotThrow(() => checkHold({}))
})

t.test('durations are said in the largest unit that fits', async t => {
  const texts = [0, 1, 90, 60, 600, 5_400, 3_600, 86_400].map(durationText)
  t.same(texts, ['0s', '1s', '90s', '1m', '10m', '90m', '1h', '24h'])
})

t.test('what a Job says of its hold is read again; anything else is none', async t => {
  const said = (value: string) =>
    holdSecondsOf({ metadata: { annotations: { [holdAnnotation]: value } } })
  t.equal(said('600'), 600)
  for (const value of ['', '-1', '1e9', '10m', '9'.repeat(30)]) t.equal(said(value), 0, value)
  t.equal(holdSecondsOf({}), 0)
})
