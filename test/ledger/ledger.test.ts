import { randomBytes } from 'node:crypto'
import t from 'tap'
import { Ledger, type LedgerOptions } from '../../lib/ledger/ledger.js'
import { slotSecretName } from '../../lib/ledger/names.js'
import { decodeRecord, type SlotRecord } from '../../lib/ledger/record.js'
import { silentLog } from '../../lib/log.js'
import { HandClock, HastyClock } from '../cluster-client/hand-clock.js'
import { FakeSecrets, type Fault } from './fake-secrets.js'

function record(slot: number, jobId: string): SlotRecord {
  return { version: 1, slot, run: { jobId, phase: 'accepted' } }
}

function ledgerOn(secrets: FakeSecrets, given: Partial<LedgerOptions> = {}): Ledger {
  const clock = new HastyClock()
  return new Ledger({ secrets, instance: 'host', log: silentLog(), clock, ...given })
}

function jobIn(secrets: FakeSecrets, slot: number): string | undefined {
  const kept = secrets.kept.get(slotSecretName('host', slot))
  return kept && decodeRecord(kept.data).run?.jobId
}

function gate(): { open: () => void; closed: Promise<void> } {
  let open = (): void => undefined
  const closed = new Promise<void>(resolve => (open = resolve))
  return { open, closed }
}

t.test('what one process put, the next one loads', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await ledger.put(record(10, 'k'))
  await ledger.put(record(2, 'a'))
  await ledger.put(record(2, 'b'))
  await ledgerOn(secrets, { instance: 'other' }).put(record(0, 'theirs'))
  t.same(await ledgerOn(secrets).load(), [record(2, 'b'), record(10, 'k')])
  const kept = secrets.kept.get('host-slot-2')
  t.equal(kept?.type, 'job-spawner/ledger')
  t.match(kept?.metadata?.labels, {
    'app.kubernetes.io/managed-by': 'job-spawner',
    'job-spawner/instance': 'host',
  })
})

t.test('more slots than a page has are all loaded', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  for (let slot = 0; slot < 120; slot++) await ledger.put(record(slot, `j${slot}`))
  t.same((await ledgerOn(secrets).load()).length, 120)
  t.equal(secrets.asked.filter(line => line.startsWith('list')).length, 3)
})

t.test('a write of a slot that was loaded or written before is one request', async t => {
  const secrets = new FakeSecrets()
  await ledgerOn(secrets).put(record(0, 'a'))
  const ledger = ledgerOn(secrets)
  await ledger.load()
  secrets.asked.length = 0
  await ledger.put(record(0, 'b'))
  await ledger.put(record(0, 'c'))
  t.same(secrets.asked, ['replace host-slot-0', 'replace host-slot-0'])
})

const faults: [string, (Fault | undefined)[]][] = [
  ['the answer is lost after the write', ['lost']],
  ['the answer is lost twice', ['lost', 'lost']],
  ['server errors', [500, 503, 429]],
  ['an error while the version is read', ['lost', undefined, 500]],
]
for (const [why, given] of faults) {
  t.test(`${why}: each put is in the cluster when it resolves`, async t => {
    const secrets = new FakeSecrets()
    const ledger = ledgerOn(secrets)
    secrets.faults = [...given]
    await ledger.put(record(0, 'created'))
    t.equal(jobIn(secrets, 0), 'created')
    secrets.faults = [...given]
    await ledger.put(record(0, 'replaced'))
    t.equal(jobIn(secrets, 0), 'replaced')
    secrets.faults = [...given]
    await ledger.remove(0)
    t.equal(secrets.kept.size, 0)
    await ledger.put(record(0, 'again'))
    t.equal(jobIn(secrets, 0), 'again')
  })
}

t.test('a Secret that another hand changed, made or removed is written all the same', async t => {
  const secrets = new FakeSecrets()
  const [one, other] = [ledgerOn(secrets), ledgerOn(secrets)]
  await one.put(record(0, 'one'))
  await other.put(record(0, 'other'))
  t.equal(jobIn(secrets, 0), 'other')
  await one.put(record(0, 'one again'))
  t.equal(jobIn(secrets, 0), 'one again')
  secrets.kept.clear()
  await one.put(record(0, 'anew'))
  t.equal(jobIn(secrets, 0), 'anew')
  await other.remove(0)
  await one.remove(0)
  t.equal(secrets.kept.size, 0)
})

t.test('of the puts that wait only the latest is written, and it resolves them all', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  const { open, closed } = gate()
  secrets.gate = closed
  const durable: (string | undefined)[] = []
  const puts = ['a', 'b', 'c', 'd'].map(async jobId => {
    await ledger.put(record(0, jobId))
    durable.push(jobIn(secrets, 0))
  })
  const elsewhere = ledger.put(record(1, 'x'))
  open()
  await Promise.all([...puts, elsewhere])
  t.same(durable.slice(1), ['d', 'd', 'd'])
  t.equal(secrets.asked.filter(line => line.endsWith('slot-0')).length, 2)
})

t.test('a write that is being repeated repeats the latest record', async t => {
  const secrets = new FakeSecrets()
  const clock = new HandClock()
  const ledger = ledgerOn(secrets, { clock })
  secrets.faults = [500]
  const first = ledger.put(record(0, 'a'))
  while (clock.sleeping === 0) await Promise.resolve()
  const second = ledger.put(record(0, 'b'))
  clock.advance(1000)
  await Promise.all([first, second])
  t.equal(jobIn(secrets, 0), 'b')
  t.same(secrets.asked, ['create host-slot-0', 'create host-slot-0'])
})

t.test('writes of a slot keep their order, removals among them', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  await Promise.all([ledger.put(record(0, 'a')), ledger.remove(0)])
  t.equal(secrets.kept.size, 0)
  await Promise.all([ledger.remove(0), ledger.put(record(0, 'b'))])
  t.equal(jobIn(secrets, 0), 'b')
})

t.test('a record is what it was at the call, whatever becomes of the object', async t => {
  const secrets = new FakeSecrets()
  const mine = record(0, 'a')
  const put = ledgerOn(secrets).put(mine)
  mine.run = undefined
  await put
  t.equal(jobIn(secrets, 0), 'a')
})

t.test('a final refusal rejects, and the next put is tried anew', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  secrets.faults = [403]
  await t.rejects(ledger.put(record(0, 'a')), { name: 'ClusterError', status: 403 })
  secrets.faults = [404]
  await t.rejects(ledger.put(record(0, 'a')), { name: 'ClusterError', status: 404 })
  await ledger.put(record(0, 'b'))
  t.equal(jobIn(secrets, 0), 'b')
})

t.test('a record that is too large rejects alone', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  const big = record(0, 'big')
  const payload = { id: 'big', env: { B: randomBytes(1_400_000).toString('base64') } }
  Object.assign(big.run as object, { payload })
  const good = ledger.put(record(0, 'good'))
  await t.rejects(ledger.put(big), { code: 'LEDGER_RECORD', where: 'job big' })
  await good
  t.equal(jobIn(secrets, 0), 'good')
})

t.test('waiting on a passing fault ends with the signal, for loads and for writes', async t => {
  const secrets = new FakeSecrets()
  const clock = new HandClock()
  const stop = new AbortController()
  const ledger = ledgerOn(secrets, { clock, signal: stop.signal })
  secrets.faults = [500, 500]
  const pending: Promise<unknown>[] = [ledger.put(record(0, 'a')), ledger.load()]
  while (clock.sleeping < 2) await Promise.resolve()
  stop.abort(new Error('stopping'))
  t.same(
    (await Promise.allSettled(pending)).map(one => one.status === 'rejected' && String(one.reason)),
    ['Error: stopping', 'Error: stopping'],
  )
  await t.rejects(ledger.put(record(0, 'b')), { message: 'stopping' })
  t.equal(secrets.kept.size, 0)
})

t.test('a list that fails on the way is begun again', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  for (let slot = 0; slot < 60; slot++) await ledger.put(record(slot, 'j'))
  secrets.faults = [undefined, 410, 500]
  t.equal((await ledgerOn(secrets).load()).length, 60)
})

t.test('a record that cannot be read is left out, kept, and not overwritten', async t => {
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets)
  for (const slot of [0, 1, 2]) await ledger.put(record(slot, `j${slot}`))
  const [first, second] = ['host-slot-0', 'host-slot-1'].map(name => secrets.kept.get(name))
  if (first) first.data = { ...first.data, version: Buffer.from('9').toString('base64') }
  if (second) second.data = secrets.kept.get('host-slot-2')?.data
  const next = ledgerOn(secrets)
  t.same(await next.load(), [record(2, 'j2')])
  t.same([...next.unreadable], [0, 1])
  await t.rejects(next.put(record(0, 'new')), {
    code: 'LEDGER_RECORD',
    where: 'Secret ledger/host-slot-0',
  })
  t.equal(secrets.kept.size, 3)
  await next.remove(0)
  await next.put(record(0, 'new'))
  t.equal(jobIn(secrets, 0), 'new')
})
