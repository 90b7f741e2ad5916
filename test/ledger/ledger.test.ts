import t from 'tap'
import type { SlotRecord } from '../../lib/ledger/record.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { FakeSecrets, type Fault } from './fake-secrets.js'
import { jobsIn, largeRecord, ledgerOn, recordOf, until } from './records-in.js'

function gate(): { open: () => void; closed: Promise<void> } {
  let open = (): void => undefined
  const closed = new Promise<void>(resolve => (open = resolve))
  return { open, closed }
}

t.test('what one process put, the next one loads', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  t.same(await ledger.load(), [])
  await ledger.put(recordOf(10, 'k'))
  await ledger.put(recordOf(2, 'a'))
  await ledger.put(recordOf(2, 'b'))
  const other = ledgerOn(secrets, { instance: 'other' })
  await other.load()
  await other.put(recordOf(0, 'theirs'))
  t.same(await ledgerOn(secrets).load(), [recordOf(2, 'b'), recordOf(10, 'k')])
  t.same([...secrets.kept.keys()].filter(name => name.startsWith('host')).sort(), [
    'host-ledger',
    'host-ledger-0',
    'host-ledger-1',
  ])
})

t.test('more Secrets than a page of a list has are all loaded', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  for (let slot = 0; slot < 480; slot++) void ledger.put(recordOf(slot, `j${slot}`))
  await ledger.put(recordOf(480, 'last'))
  await until(() => secrets.kept.size === 62)
  secrets.asked.length = 0
  t.equal((await ledgerOn(secrets).load()).length, 481)
  t.equal(secrets.asked.filter(line => line.startsWith('list')).length, 2)
})

t.test('an empty ledger costs a load no write, and leaves nothing behind', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await ledger.load()
  await ledger.remove(3)
  t.same(secrets.writes(), [])
  t.equal(await ledger.exists(), false)
  await ledger.put(recordOf(0, 'a'))
  t.equal(await ledgerOn(secrets).exists(), true)
  t.equal(await ledgerOn(secrets, { instance: 'other' }).exists(), false)
  await ledger.remove(0)
  t.equal(secrets.kept.size, 0)
  await ledger.put(recordOf(0, 'b'))
  t.same(await jobsIn(secrets), { 0: 'b' })
})

t.test('a put to a page that is there is one request', async t => {
  const secrets = new FakeSecrets()
  await ledgerOn(secrets).put(recordOf(0, 'a'))
  const ledger = ledgerOn(secrets)
  await ledger.load()
  secrets.asked.length = 0
  await ledger.put(recordOf(0, 'b'))
  await ledger.put(recordOf(1, 'c'))
  t.same(secrets.asked, ['replace host-ledger-0', 'replace host-ledger-0'])
})

t.test('a burst of puts is one write for each page', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await Promise.all([0, 8, 16].map(slot => ledger.put(recordOf(slot, 'first'))))
  secrets.asked.length = 0
  const slots = Array.from({ length: 24 }, (_, slot) => slot)
  await Promise.all(slots.map(slot => ledger.put(recordOf(slot, `j${slot}`))))
  t.same(
    secrets.asked,
    [0, 1, 2].map(page => `replace host-ledger-${page}`),
  )
  t.same(await jobsIn(secrets), Object.fromEntries(slots.map(slot => [slot, `j${slot}`])))
})

t.test('puts that come while a write is under way share the next one', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await ledger.put(recordOf(0, 'first'))
  secrets.asked.length = 0
  const { open, closed } = gate()
  secrets.gate = closed
  const puts = [ledger.put(recordOf(0, 'a'))]
  await until(() => secrets.asked.length === 1)
  for (const job of ['b', 'c', 'd']) puts.push(ledger.put(recordOf(0, job)))
  puts.push(ledger.put(recordOf(1, 'x')))
  open()
  await Promise.all(puts)
  t.equal(secrets.asked.length, 2)
  t.same(await jobsIn(secrets), { 0: 'd', 1: 'x' })
})

t.test('a note is no write, and goes with the next one of its page', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await Promise.all([0, 1, 8].map(slot => ledger.put(recordOf(slot, 'a'))))
  secrets.asked.length = 0
  ledger.note(recordOf(0, 'b'))
  ledger.note({ version: 1, slot: 8 })
  await until(() => true)
  t.same(secrets.asked, [])
  t.same(await jobsIn(secrets), { 0: 'a', 1: 'a', 8: 'a' })
  await ledger.put(recordOf(1, 'b'))
  await ledger.put(recordOf(9, 'b'))
  t.same(await jobsIn(secrets), { 0: 'b', 1: 'b', 9: 'b' })
})

t.test('a slot that is noted empty after its removal leaves nothing behind', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await Promise.all([0, 1].map(slot => ledger.put(recordOf(slot, 'a'))))
  await ledger.remove(0)
  ledger.note({ version: 1, slot: 0 })
  await ledger.remove(1)
  t.equal(secrets.kept.size, 0)
})

const faults: [string, (Fault | undefined)[]][] = [
  ['the answer is lost after the write', ['lost']],
  ['the answer is lost twice', ['lost', 'lost']],
  ['the second answer is lost', [undefined, 'lost']],
  ['the third answer is lost', [undefined, undefined, 'lost']],
  ['server errors', [500, 503, 429]],
  ['an error while the version is read', ['lost', undefined, 500]],
]
for (const [why, given] of faults) {
  t.test(`${why}: each put is in the cluster when it resolves`, async t => {
    const secrets = new FakeSecrets()
    const ledger = ledgerOn(secrets, { onFenced: problem => t.fail(problem.message) })
    secrets.faults = [...given]
    await ledger.put(recordOf(0, 'created'))
    t.same(await jobsIn(secrets), { 0: 'created' })
    secrets.faults = [...given]
    await ledger.put(recordOf(0, 'replaced'))
    t.same(await jobsIn(secrets), { 0: 'replaced' })
    secrets.faults = [...given]
    await ledger.put(largeRecord(0, 'large', 200_000))
    t.same(await jobsIn(secrets), { 0: 'large' })
    secrets.faults = [...given]
    await ledger.remove(0)
    t.equal(secrets.kept.size, 0)
    secrets.faults = []
    await ledger.put(recordOf(0, 'again'))
    secrets.faults = [...given]
    t.same(await ledgerOn(secrets).load(), [recordOf(0, 'again')])
  })
}

t.test('a page that a person changed or removed is written all the same', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await ledger.put(recordOf(0, 'a'))
  await ledger.put(recordOf(8, 'x'))
  const touched = structuredClone(await secrets.get('host-ledger-0'))
  touched.data = { ...touched.data, 'slot-0': '' }
  await secrets.replace(touched)
  await ledger.put(recordOf(0, 'b'))
  t.same(await jobsIn(secrets), { 0: 'b', 8: 'x' })
  secrets.kept.delete('host-ledger-0')
  await ledger.put(recordOf(1, 'c'))
  t.same(await jobsIn(secrets), { 0: 'b', 1: 'c', 8: 'x' })
  secrets.kept.delete('host-ledger-1')
  await ledger.remove(8)
  await Promise.all([ledger.remove(0), ledger.remove(1)])
  t.equal(secrets.kept.size, 0)
})

t.test('a write that is being repeated repeats the latest records', async t => {
  const secrets = new FakeSecrets()
  const clock = new HandClock()
  const ledger = ledgerOn(secrets, { clock })
  await ledger.put(recordOf(0, 'first'))
  secrets.asked.length = 0
  secrets.faults = [500]
  const puts = [ledger.put(recordOf(0, 'a'))]
  await until(() => clock.sleeping === 1)
  puts.push(ledger.put(recordOf(0, 'b')), ledger.put(recordOf(1, 'c')))
  clock.advance(1000)
  await Promise.all(puts)
  t.same(await jobsIn(secrets), { 0: 'b', 1: 'c' })
  t.same(secrets.asked, ['replace host-ledger-0', 'replace host-ledger-0'])
})

t.test('writes of a slot keep their order, removals among them', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await Promise.all([ledger.put(recordOf(0, 'a')), ledger.remove(0)])
  t.equal(secrets.kept.size, 0)
  await Promise.all([ledger.remove(0), ledger.put(recordOf(0, 'b'))])
  t.same(await jobsIn(secrets), { 0: 'b' })
})

t.test('a record is what it was at the call, whatever becomes of the object', async t => {
  const secrets = new FakeSecrets()
  const mine = recordOf(0, 'a')
  const put = ledgerOn(secrets).put(mine)
  mine.run = undefined
  await put
  t.same(await jobsIn(secrets), { 0: 'a' })
})

t.test('a final refusal rejects, and the next put is tried anew', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  secrets.faults = [undefined, 403]
  await t.rejects(ledger.put(recordOf(0, 'a')), { name: 'ClusterError', status: 403 })
  secrets.faults = [404]
  await t.rejects(ledger.put(recordOf(0, 'a')), { name: 'ClusterError', status: 404 })
  await ledger.put(recordOf(0, 'b'))
  t.same(await jobsIn(secrets), { 0: 'b' })
})

t.test('waiting on a passing fault ends with the signal, for loads and for writes', async t => {
  const secrets = new FakeSecrets()
  const clock = new HandClock()
  const stop = new AbortController()
  const ledger = ledgerOn(secrets, { clock, signal: stop.signal })
  secrets.faults = [500, 500]
  const pending: Promise<unknown>[] = [ledger.put(recordOf(0, 'a')), ledger.load()]
  await until(() => clock.sleeping === 2)
  stop.abort(new Error('stopping'))
  t.same(
    (await Promise.allSettled(pending)).map(one => one.status === 'rejected' && String(one.reason)),
    ['Error: stopping', 'Error: stopping'],
  )
  await t.rejects(ledger.put(recordOf(0, 'b')), { message: 'stopping' })
  t.equal(secrets.kept.size, 0)
})

t.test('a list that fails on the way is begun again', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  const slots = Array.from({ length: 60 }, (_, index) => index * 8)
  await Promise.all(slots.map(slot => ledger.put(recordOf(slot, 'j'))))
  // The head is read twice and written, then comes the list.
  secrets.faults = [undefined, undefined, undefined, undefined, 410, 500]
  t.equal((await ledgerOn(secrets).load()).length, 60)
})

t.test(
  'what the next process writes keeps the fields of a record that it does not know',
  async t => {
    const secrets = new FakeSecrets()
    const later = { ...recordOf(0, 'a'), mood: 'good' } as SlotRecord
    await ledgerOn(secrets).put(later)
    const ledger = ledgerOn(secrets)
    t.same(await ledger.load(), [later])
    await ledger.put(recordOf(1, 'b'))
    t.same(await ledgerOn(secrets).load(), [later, recordOf(1, 'b')])
  },
)
