import t from 'tap'
import {
  decodeHead,
  decodePage,
  encodeHead,
  encodePage,
  writerIn,
  type Entry,
  type Page,
} from '../../lib/ledger/page.js'

const place = { page: 1, where: 'Secret ledger/host-ledger-1' }
const entries = new Map<number, Entry>([
  [8, { packed: 'YQ==' }],
  [15, { annex: 'host-ledger-1-slot-15-ab' }],
])
const page: Page = { writer: { epoch: 7, id: 'w' }, entries, kept: { mood: 'Z29vZA==' } }

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

t.test('a page comes back as it was, with data that we do not know', async t => {
  t.same(decodePage(encodePage(page), place), page)
  t.same(encodePage(page), {
    version: base64('2'),
    'oldest-reader': base64('2'),
    writer: base64('{"epoch":7,"id":"w"}'),
    'slot-8': 'YQ==',
    'slot-15-annex': base64('host-ledger-1-slot-15-ab'),
    mood: 'Z29vZA==',
  })
})

t.test('slots that are not of this page, or there twice, are kept and not read', async t => {
  const odd = { 'slot-7': 'YQ==', 'slot-16': 'YQ==', 'slot-8-annex': 'YQ==', 'slot-x': '' }
  const found = decodePage({ ...encodePage(page), ...odd }, place)
  t.same([...found.entries.keys()].sort(), [15, 8])
  t.same(found.kept, { ...odd, ...page.kept })
  t.same(encodePage(found), { ...encodePage(page), ...odd })
})

t.test('a page of a later format is read when it says that we may', async t => {
  const later = { ...encodePage(page), version: base64('3') }
  t.same(decodePage(later, place).entries, entries)
  t.equal(encodePage(decodePage(later, place))['version'], base64('2'), 'and is of ours then')
})

t.test('a page that is damaged or not for us is refused, and never quoted', async t => {
  const good = encodePage(page)
  const table: [string, Record<string, string> | undefined, RegExp][] = [
    ['no data', undefined, /no version/],
    ['no version', { ...good, version: '' }, /no version/],
    ['a strange version', { ...good, version: base64('s3cret') }, /no version/],
    ['no oldest reader', { ...good, 'oldest-reader': '' }, /no version/],
    ['not for us', { ...good, 'oldest-reader': base64('3') }, /before format 3/],
    ['no writer', { ...good, writer: base64('s3cret') }, /no writer/],
    ['half a writer', { ...good, writer: base64('{"epoch":1}') }, /no writer/],
    ['null for a writer', { ...good, writer: base64('null') }, /no writer/],
  ]
  for (const [why, data, found] of table) {
    t.throws(
      () => decodePage(data, place),
      { code: 'LEDGER_RECORD', where: place.where, found },
      why,
    )
    t.throws(() => decodeHead(data, place.where), { code: 'LEDGER_RECORD', found }, why)
  }
})

t.test('the head comes back as it was', async t => {
  const head = { writer: page.writer, settled: 6, kept: page.kept }
  t.same(decodeHead(encodeHead(head), 'here'), head)
  t.same(writerIn(encodeHead(head)), page.writer)
  t.equal(writerIn(undefined), undefined)
})
