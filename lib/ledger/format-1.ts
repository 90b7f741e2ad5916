import { unpackRecord, unreadable, type SlotRecord } from './record.js'

/**
 * The record in the `data` of a slot's Secret of format 1: under `record` the gzipped JSON, under `version` a 1, both in
 * base64. `where` names the Secret.
 * @throws Problem LEDGER_RECORD when it is damaged, or of a later version. Never with its contents.
 */
export function decodeSlotSecret(
  data: Record<string, string> | undefined,
  { slot, where }: { slot: number; where: string },
): SlotRecord {
  const told = Buffer.from(data?.['version'] ?? '', 'base64').toString('utf8')
  if (told === '1') return unpackRecord(data?.['record'] ?? '', { slot, where })
  const found = /^\d{1,9}$/.test(told) ? `a record of version ${told}` : 'no version that we know'
  throw unreadable({ where, wanted: 'a record of version 1', found })
}
