import t from 'tap'
import { FakeSecrets } from './fake-secrets.js'
import { jobsIn, largeRecord, ledgerOn, recordOf } from './records-in.js'

/** Bytes of a Secret's values, as Kubernetes counts them. */
function bytesOf(data: Record<string, string> = {}): number {
  return Object.values(data).reduce(
    (sum, value) => sum + Buffer.from(value, 'base64').byteLength,
    0,
  )
}

t.test('records that do not fit a page together have Secrets of their own', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  const sizes = [950_000, 115_000, 115_000, 115_000, 115_000, 115_000, 115_000, 200_000]
  const records = sizes.map((bytes, slot) => largeRecord(slot, `j${slot}`, bytes))
  await Promise.all(records.map(record => ledger.put(record)))
  for (const { metadata, data } of secrets.kept.values())
    t.ok(bytesOf(data) < 1024 * 1024, metadata?.name ?? '')
  t.equal(secrets.kept.size, 4)
  t.same(await ledgerOn(secrets).load(), records)
})

t.test('a large record is written once, and deleted when its slot goes on', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await ledger.put(recordOf(1, 'first'))
  secrets.asked.length = 0
  await ledger.put(largeRecord(0, 'large', 500_000))
  const [annex = ''] = [...secrets.kept.keys()].filter(name => name.includes('slot-0-'))
  t.same(secrets.writes(), [`create ${annex}`, 'replace host-ledger-0'])
  await ledger.put(recordOf(1, 'b'))
  t.same(secrets.writes(), ['replace host-ledger-0'])
  await ledger.put(recordOf(0, 'small'))
  t.same(secrets.writes(), ['replace host-ledger-0', `delete ${annex}`])
  await ledger.put(largeRecord(0, 'large again', 500_000))
  await Promise.all([ledger.remove(0), ledger.remove(1)])
  t.equal(secrets.kept.size, 0)
})

t.test('a record too large for a Secret rejects alone', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  const good = ledger.put(recordOf(0, 'good'))
  const wanted = { code: 'LEDGER_RECORD', where: 'job big' }
  await t.rejects(ledger.put(largeRecord(0, 'big', 1_100_000)), wanted)
  t.throws(() => ledger.note(largeRecord(0, 'big', 1_100_000)), wanted)
  await good
  await ledger.put(recordOf(1, 'next'))
  t.same(await jobsIn(secrets), { 0: 'good', 1: 'next' })
})

for (const status of [413, 422, 403]) {
  t.test(`a large record that the cluster answers with ${status} rejects alone`, async t => {
    const secrets = new FakeSecrets()
    const ledger = ledgerOn(secrets)
    await ledger.put(recordOf(0, 'before'))
    secrets.faults = [status]
    const [large, other] = await Promise.allSettled([
      ledger.put(largeRecord(0, 'large', 500_000)),
      ledger.put(recordOf(1, 'other')),
    ])
    const error = large?.status === 'rejected' && (large.reason as unknown)
    t.match(
      error,
      status === 403
        ? { status }
        : { code: 'LEDGER_RECORD', where: 'job large', cause: { status } },
    )
    t.equal(other?.status, 'fulfilled')
    t.same(await jobsIn(secrets), { 0: 'before', 1: 'other' })
    await ledger.put(recordOf(0, 'after'))
    t.same(await jobsIn(secrets), { 0: 'after', 1: 'other' })
  })
}

t.test(
  'a Secret that was made for a page which was not written goes with the next load',
  async t => {
    const secrets = new FakeSecrets()
    const stop = new AbortController()
    const crashed = ledgerOn(secrets, { signal: stop.signal })
    await crashed.put(recordOf(0, 'a'))
    secrets.faults = [undefined, 403]
    await t.rejects(crashed.put(largeRecord(0, 'large', 500_000)), {
      message: 'Fault',
      status: 403,
    })
    t.equal(secrets.kept.size, 3)
    t.same(await ledgerOn(secrets).load(), [recordOf(0, 'a')])
    t.same([...secrets.kept.keys()], ['host-ledger', 'host-ledger-0'])
  },
)
