import t from 'tap'
import { FakeSecrets } from './fake-secrets.js'
import { addFormat1, jobsIn, largeRecord, ledgerOn, recordOf } from './records-in.js'

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Changes the data of a Secret behind everyone's back. */
function change(secrets: FakeSecrets, name: string, data: Record<string, string>) {
  const secret = secrets.kept.get(name)
  if (!secret) throw new Error(`no ${name}`)
  secret.data = { ...secret.data, ...data }
}

t.test('a record that cannot be read is left out and kept, while its page is written', async t => {
  const secrets = new FakeSecrets()
  const before = ledgerOn(secrets)
  await Promise.all([0, 1, 2].map(slot => before.put(recordOf(slot, `j${slot}`))))
  change(secrets, 'host-ledger-0', { 'slot-0': base64('damaged'), 'slot-9': 'YQ==', mood: 'YQ==' })
  const ledger = ledgerOn(secrets)
  t.same(await ledger.load(), [recordOf(1, 'j1'), recordOf(2, 'j2')])
  t.same([...ledger.unreadable], [0])
  const refused = { code: 'LEDGER_RECORD', where: 'Secret ledger/host-ledger-0' }
  await t.rejects(ledger.put(recordOf(0, 'new')), refused)
  t.throws(() => ledger.note(recordOf(0, 'new')), refused)
  await ledger.remove(0)
  await ledger.put(recordOf(1, 'next'))
  await Promise.all([ledger.remove(1), ledger.remove(2)])
  t.match(secrets.kept.get('host-ledger-0')?.data, {
    'slot-0': base64('damaged'),
    'slot-9': 'YQ==',
    mood: 'YQ==',
  })
})

t.test('a large record whose Secret is gone or damaged is kept as it is', async t => {
  const secrets = new FakeSecrets()
  const before = ledgerOn(secrets)
  await Promise.all([0, 1].map(slot => before.put(largeRecord(slot, `j${slot}`, 300_000))))
  await before.put(recordOf(2, 'j2'))
  const names = [...secrets.kept.keys()]
  const [gone = '', damaged = ''] = [0, 1].map(slot => names.find(n => n.includes(`slot-${slot}-`)))
  secrets.kept.delete(gone)
  change(secrets, damaged, { record: base64('damaged') })
  const ledger = ledgerOn(secrets)
  t.same(await ledger.load(), [recordOf(2, 'j2')])
  t.same([...ledger.unreadable], [0, 1])
  await ledger.remove(2)
  t.equal(secrets.kept.get('host-ledger-0')?.data?.['slot-1-annex'], base64(damaged))
  t.ok(secrets.kept.has(damaged))
})

t.test('a page of a later format is not touched, and none of its slots is used', async t => {
  const secrets = new FakeSecrets()
  const before = ledgerOn(secrets)
  await Promise.all([0, 8].map(slot => before.put(recordOf(slot, `j${slot}`))))
  await before.put(largeRecord(9, 'large', 200_000))
  change(secrets, 'host-ledger-1', { version: base64('4'), 'oldest-reader': base64('3') })
  const strange = structuredClone(secrets.kept.get('host-ledger-1'))
  const ledger = ledgerOn(secrets)
  t.same(await ledger.load(), [recordOf(0, 'j0')])
  t.same([...ledger.unreadable], [8, 9, 10, 11, 12, 13, 14, 15])
  await t.rejects(ledger.put(recordOf(10, 'new')), { code: 'LEDGER_RECORD' })
  await ledger.remove(8)
  await ledger.remove(0)
  t.same(secrets.kept.get('host-ledger-1'), strange)

  // The later program comes back: it must not take the page for one that was written too late.
  change(secrets, 'host-ledger-1', { version: base64('2'), 'oldest-reader': base64('2') })
  t.same(Object.keys(await jobsIn(secrets)), ['8', '9'])
})

t.test('a head that cannot be read keeps us from the ledger', async t => {
  const secrets = new FakeSecrets()
  await ledgerOn(secrets).put(recordOf(0, 'a'))
  change(secrets, 'host-ledger', { 'oldest-reader': base64('3') })
  secrets.asked.length = 0
  const wanted = { code: 'LEDGER_RECORD', where: 'Secret ledger/host-ledger' }
  await t.rejects(ledgerOn(secrets).load(), wanted)
  t.same(secrets.writes(), [])
})

t.test('Secrets of format 1 move to pages', async t => {
  const secrets = new FakeSecrets()
  const records = [recordOf(0, 'a'), recordOf(3, 'b'), largeRecord(9, 'c', 900_000)]
  for (const record of records) await addFormat1(secrets, record)
  t.same(await ledgerOn(secrets).load(), records)
  const names = [...secrets.kept.keys()].map(name => name.replace(/-[0-9a-f]{16}$/, '-MARK'))
  t.same(names.sort(), [
    'host-ledger',
    'host-ledger-0',
    'host-ledger-1',
    'host-ledger-1-slot-9-MARK',
  ])
  t.same(await ledgerOn(secrets).load(), records)
})

t.test('Secrets of format 1 that cannot be read stay, and their slots are not used', async t => {
  const secrets = new FakeSecrets()
  await addFormat1(secrets, recordOf(0, 'a'))
  await addFormat1(secrets, recordOf(1, 'b'), '9')
  const ledger = ledgerOn(secrets)
  t.same(await ledger.load(), [recordOf(0, 'a')])
  t.same([...ledger.unreadable], [1])
  t.same([...secrets.kept.keys()].sort(), ['host-ledger', 'host-ledger-0', 'host-slot-1'])
})

t.test('a move that was cut short is ended: what a page has goes before format 1', async t => {
  const secrets = new FakeSecrets()
  const before = ledgerOn(secrets)
  await before.put(recordOf(0, 'newer'))
  await addFormat1(secrets, recordOf(0, 'older'))
  await addFormat1(secrets, recordOf(1, 'b'))
  t.same(await ledgerOn(secrets).load(), [recordOf(0, 'newer'), recordOf(1, 'b')])
  t.same([...secrets.kept.keys()].sort(), ['host-ledger', 'host-ledger-0'])
})
