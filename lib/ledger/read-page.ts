import type { V1Secret } from '@kubernetes/client-node'
import { isProblem, type Problem } from '../errors.js'
import { currentSecret, patiently, whereIs, type LedgerContext } from './context.js'
import { pageName } from './names.js'
import { entryData, type Entry, type Page } from './page.js'
import { unpackRecord, unreadable, type SlotRecord } from './record.js'
import type { ClaimedPage } from './take-over.js'

/** A claimed page, and what its records say. */
export interface ReadPage {
  records: SlotRecord[]
  /** The page as it is to be written again: what cannot be read is among what is kept. */
  content: Pick<Page, 'entries' | 'kept'>
  damaged: { slot: number; problem: Problem }[]
}

/** Reads the records of a page; `annexes` are the Secrets of large records that are known already, by name. */
export async function readPage(
  context: LedgerContext,
  { page, content }: ClaimedPage,
  annexes: ReadonlyMap<string, V1Secret>,
): Promise<ReadPage> {
  const entries = new Map<number, Entry>()
  const read: ReadPage = { records: [], content: { entries, kept: content.kept }, damaged: [] }
  for (const [slot, entry] of content.entries) {
    const where = `${whereIs(context, pageName(context.instance, page))}, key slot-${slot}`
    try {
      const packed = await packedOf(context, { entry, annexes, where })
      read.records.push(unpackRecord(packed, { slot, where }))
      entries.set(slot, entry)
    } catch (problem) {
      if (!isProblem(problem)) throw problem
      read.damaged.push({ slot, problem })
      read.content.kept = { ...read.content.kept, ...entryData(slot, entry) }
    }
  }
  return read
}

async function packedOf(
  context: LedgerContext,
  given: { entry: Entry; annexes: ReadonlyMap<string, V1Secret>; where: string },
): Promise<string> {
  const { entry, annexes, where } = given
  if ('packed' in entry) return entry.packed
  const { annex } = entry
  const current = () => patiently(context, annex, () => currentSecret(context, annex))
  const packed = (annexes.get(annex) ?? (await current()))?.data?.['record']
  if (packed !== undefined) return packed
  throw unreadable({ where, wanted: `the record in Secret ${annex}`, found: 'none' })
}
