import t from 'tap'
import { problemText, type Problem } from '../../lib/errors.js'
import { FakeSecrets } from './fake-secrets.js'
import { jobsIn, largeRecord, ledgerOn, recordOf } from './records-in.js'

const lost = { code: 'LEASE_LOST', disposition: 'stop' }

t.test('whoever loads last is the writer: all others are told once, and write no more', async t => {
  const secrets = new FakeSecrets()
  const told: Problem[] = []
  const one = ledgerOn(secrets, { onFenced: problem => void told.push(problem) })
  await Promise.all([0, 8].map(slot => one.put(recordOf(slot, 'one'))))
  const other = ledgerOn(secrets, { onFenced: problem => t.fail(problem.message) })
  await other.load()
  secrets.asked.length = 0
  await t.rejects(one.put(recordOf(0, 'late')), lost)
  t.same(secrets.writes(), ['replace host-ledger-0'])
  await t.rejects(one.put(recordOf(8, 'late')), lost)
  await t.rejects(one.remove(8), lost)
  await t.rejects(one.put(largeRecord(16, 'late', 200_000)), lost)
  await t.rejects(one.load(), lost)
  one.note(recordOf(0, 'late'))
  t.same(secrets.asked, [], 'not even a question')
  t.equal(told.length, 1)
  t.match(problemText(told[0] as Problem), /epoch 1.*\n.*epoch 2/)
  await other.put(recordOf(0, 'other'))
  t.same(await jobsIn(secrets), { 0: 'other', 8: 'one' })
})

t.test('a page that a writer makes behind the back of a later one is none', async t => {
  const secrets = new FakeSecrets()
  const one = ledgerOn(secrets)
  await one.put(recordOf(0, 'one'))
  const other = ledgerOn(secrets)
  await other.load()
  await t.rejects(one.put(recordOf(8, 'late')), lost)
  t.same([...secrets.kept.keys()], ['host-ledger', 'host-ledger-0'])

  const third = ledgerOn(secrets)
  await third.load()
  // It dies when it has made the page, before it can look whether it is the writer still.
  secrets.faults = [undefined, 403]
  await t.rejects(other.put(recordOf(8, 'late')), { message: 'Fault', status: 403 })
  t.ok(secrets.kept.has('host-ledger-1'))
  t.same(await jobsIn(secrets), { 0: 'one' })
  await third.put(recordOf(9, 'third'))
  t.same(await jobsIn(secrets), { 0: 'one', 9: 'third' })
})

t.test('what a writer removes is not brought back by an earlier one', async t => {
  const secrets = new FakeSecrets()
  const one = ledgerOn(secrets)
  await Promise.all([0, 8].map(slot => one.put(recordOf(slot, 'one'))))
  const other = ledgerOn(secrets)
  await other.load()
  await Promise.all([0, 8].map(slot => other.remove(slot)))
  t.equal(secrets.kept.size, 0)
  await t.rejects(one.put(recordOf(0, 'late')), lost)
  await t.rejects(one.put(recordOf(16, 'late')), lost)
  t.equal(secrets.kept.size, 0)
})

t.test('of two that load an empty ledger the one that writes first is the writer', async t => {
  const secrets = new FakeSecrets()
  const [one, other] = [ledgerOn(secrets), ledgerOn(secrets)]
  await Promise.all([one.load(), other.load()])
  const puts = await Promise.allSettled([
    one.put(recordOf(0, 'one')),
    other.put(recordOf(8, 'other')),
  ])
  t.same(puts.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.same(await jobsIn(secrets), puts[0]?.status === 'fulfilled' ? { 0: 'one' } : { 8: 'other' })
})

t.test('a writer that empties the ledger may fill it again', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets, { onFenced: problem => t.fail(problem.message) })
  for (let round = 0; round < 3; round++) {
    await Promise.all([0, 8, 16].map(slot => ledger.put(recordOf(slot, 'a'))))
    const all = [0, 8, 16].map(slot => ledger.remove(slot))
    await Promise.all([...all, ledger.put(recordOf(24, 'b'))])
    t.same(await jobsIn(secrets), { 24: 'b' })
    await ledger.remove(24)
    t.equal(secrets.kept.size, 0)
  }
})

t.test('a page that changes while it is being claimed is read again', async t => {
  const secrets = new FakeSecrets()
  const one = ledgerOn(secrets)
  await one.put(recordOf(0, 'before'))
  const replace = secrets.replace.bind(secrets)
  let meddled = false
  secrets.replace = async secret => {
    if (secret.metadata?.name === 'host-ledger-0' && !meddled) {
      meddled = true
      await one.put(recordOf(0, 'in the last moment'))
    }
    return replace(secret)
  }
  const other = ledgerOn(secrets)
  t.same(await other.load(), [recordOf(0, 'in the last moment')])
  await t.rejects(one.put(recordOf(0, 'late')), lost)
})
