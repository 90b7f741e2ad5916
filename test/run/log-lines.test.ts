import t from 'tap'
import { closingLines, logText } from '../../lib/run/log-lines.js'

t.test('each line carries its time and ends as the agent ends its lines', async t => {
  t.equal(
    logText(['a', 'b'], 1_787_300_000_000.9).toString(),
    '\u001b_bk;t=1787300000000\u0007a\r\n\u001b_bk;t=1787300000000\u0007b\r\n',
  )
})

t.test('a line break inside a line makes two', async t => {
  t.equal(logText(['a\nb'], 0).toString().split('\r\n').length, 3)
})

t.test('what others say cannot draw on the terminal', async t => {
  const text = logText(['x\u001b[2Jy\rz\u0007\tend'], 0).toString()
  t.ok(text.endsWith('x[2Jyz\tend\r\n'), JSON.stringify(text))
})

t.test('the cause stands in a group that is open, with whose fault it is', async t => {
  const cause = 'OOMKilled'
  const message = 'one\ntwo'
  t.same(closingLines({ cause, message }), ['+++ Job spawner: OOMKilled', 'one', 'two'])
  t.match(
    closingLines({ cause, message, fault: 'cluster' }).at(-1),
    /the cluster.* a retry may help/,
  )
  t.match(
    closingLines({ cause, message, fault: 'job' }).at(-1),
    /the step.* a retry alone will not/,
  )
})
