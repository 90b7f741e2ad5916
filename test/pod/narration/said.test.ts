import t from 'tap'
import { ours, plain, quote, trimmed } from '../../../lib/pod/narration/said.js'

const asIs = (text: string) => text

t.test('who says it stands before each line, and no other line can begin a group', async t => {
  t.equal(ours('a\nb'), 'Job spawner: a\nJob spawner: b')
  const saying = { reason: 'Failed', message: 'one\r\n\n+++ two\n' }
  t.equal(quote(saying, asIs), 'Kubernetes says (Failed): one\n  +++ two')
  t.equal(quote({ ...saying, times: 3 }, asIs), 'Kubernetes says (Failed, 3 times): one\n  +++ two')
  t.equal(quote({}, asIs), 'Kubernetes says (no reason): ')
})

t.test('long messages are cut after they are redacted', async t => {
  const secret = 'hunter22'
  const redact = (text: string) => text.replaceAll(secret, '[REDACTED]')
  const [line = ''] = trimmed(`${'a'.repeat(476)}${secret}${'b'.repeat(5_000)} why`, redact)
  t.match(line, /^a+\[RED … \([\d]+ characters left out\) … b+ why$/)
  t.ok(line.length < 850)
  const lines = trimmed(Array.from({ length: 50 }, (_, index) => `line ${index}`).join('\n'), asIs)
  t.same([lines.length, lines[8]], [9, '  (42 more lines)'])
})

t.test('nothing steers the terminal, and nothing hides a secret from the redactor', async t => {
  t.equal(
    plain(
      '\u001b[1;31mred\u001b[0m \u001b]0;title\u0007\u001b_bk;t=1\u001b\\a\tb\r\nc\u0000\u009b',
    ),
    'red a\tb\r\nc',
  )
  t.equal(plain('\u001b_bk;t=1\u0007x\u001b(By\u001bMz\u001b'), 'xyz')
  t.same(
    trimmed('hun\u001b[0mter\u000022', text => text.replace('hunter22', '*')),
    ['*'],
  )
})
