import t from 'tap'
import { wantsJson } from '../../lib/status/wants-json.js'
import { clockText, spanText } from '../../lib/status/words.js'

t.test('a span is told in its two largest units', async t => {
  const table: [number, string][] = [
    [-3, '0 s'],
    [0.9, '0 s'],
    [59.9, '59 s'],
    [60, '1 min'],
    [134, '2 min 14 s'],
    [3_600, '1 h'],
    [3_605, '1 h'],
    [11_100, '3 h 5 min'],
    [187_200, '2 d 4 h'],
  ]
  for (const [seconds, text] of table) t.equal(spanText(seconds), text)
})

t.test('a time of another day has its date', async t => {
  const now = new Date('2026-11-21T00:10:00Z')
  t.equal(clockText(new Date('2026-11-21T00:05:09.9Z'), now), '00:05:09')
  t.equal(clockText(new Date('2026-11-20T23:59:59Z'), now), '2026-11-20 23:59:59')
})

t.test('JSON is for those who ask for it by name', async t => {
  const browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  for (const accept of [
    undefined,
    '',
    '*/*',
    browser,
    'application/json;q=0',
    'application/json;q=0.2, text/html',
  ])
    t.notOk(wantsJson(accept), String(accept))
  for (const accept of [
    'application/json',
    'Application/JSON; q=0.5',
    'text/html;q=0.5,application/json',
  ])
    t.ok(wantsJson(accept), accept)
})
