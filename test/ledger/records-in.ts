import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { Ledger, type LedgerOptions } from '../../lib/ledger/ledger.js'
import { slotSecretName, ledgerSecret } from '../../lib/ledger/names.js'
import type { SlotRecord } from '../../lib/ledger/record.js'
import { silentLog } from '../../lib/log.js'
import { HastyClock } from '../cluster-client/hand-clock.js'
import { FakeSecrets } from './fake-secrets.js'

let writers = 0

/** A ledger, by a process of its own. */
export function ledgerOn(
  secrets: LedgerOptions['secrets'],
  given: Partial<LedgerOptions> = {},
): Ledger {
  const id = `writer-${writers++}`
  return new Ledger({
    secrets,
    instance: 'host',
    log: silentLog(),
    clock: new HastyClock(),
    id,
    ...given,
  })
}

/** The record of a slot whose run is that job. */
export function recordOf(slot: number, jobId: string): SlotRecord {
  return { version: 1, slot, run: { jobId, phase: 'accepted' } }
}

/** One whose run's payload packs to about so many bytes. */
export function largeRecord(slot: number, jobId: string, bytes: number): SlotRecord {
  const env = { B: randomBytes(bytes).toString('base64') }
  const payload = { id: jobId, env, chunks_max_size_bytes: 1 }
  return { version: 1, slot, run: { jobId, phase: 'accepted', payload } }
}

/** What the next process would find, without its writing anything: the job of each slot. */
export async function jobsIn(secrets: FakeSecrets): Promise<Record<number, string | undefined>> {
  const copy = new FakeSecrets()
  for (const [name, secret] of secrets.kept) copy.kept.set(name, structuredClone(secret))
  const records = await ledgerOn(copy).load()
  return Object.fromEntries(records.map(({ slot, run }) => [slot, run?.jobId]))
}

/** Adds the Secret of a slot as format 1 had it. */
export async function addFormat1(secrets: FakeSecrets, record: SlotRecord, version = '1') {
  const { slot } = record
  const data = {
    version: Buffer.from(version).toString('base64'),
    record: gzipSync(JSON.stringify(record)).toString('base64'),
  }
  const name = slotSecretName('host', slot)
  await secrets.create(ledgerSecret({ instance: 'host', name, data }))
}

/** Resolves when the condition holds, a turn of the event loop after the other. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error('it never came to that')
    await new Promise(resolve => setImmediate(resolve))
  }
}
