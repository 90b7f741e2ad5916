import { pageOfSlot } from './names.js'
import { unreadable } from './record.js'

/** Who writes the ledger. A later writer has a higher epoch. */
export interface Writer {
  epoch: number
  id: string
}

/** Where a slot's record is: on the page, gzipped and in base64, or in a Secret of that name. */
export type Entry = { packed: string } | { annex: string }

/** What stands in a page's Secret. */
export interface Page {
  writer: Writer
  entries: ReadonlyMap<number, Entry>
  /** Data that we cannot read, by key: it is written again as it is. */
  kept: Readonly<Record<string, string>>
}

/** What stands in the Secret that comes before the pages. */
export interface HeadContent {
  writer: Writer
  /**
   * The last epoch whose writer had all pages in its hands. A page of an earlier one was made after that, by a writer
   * that did not know yet that it was none, and nobody has been told that it is kept.
   */
  settled: number
  kept: Readonly<Record<string, string>>
}

/** The format that we write, and the latest that we read. A page of a later one may allow us to. */
export const format = 2
/** The earliest format whose programs can read what we write. */
const oldestReader = 2

const stampKeys = ['version', 'oldest-reader', 'writer']

/** The `data` of a page's Secret. */
export function encodePage({ writer, entries, kept }: Page): Record<string, string> {
  const data: Record<string, string> = { ...kept, ...stamp(writer) }
  for (const [slot, entry] of entries) Object.assign(data, entryData(slot, entry))
  return data
}

/** The data of one entry, by its key. */
export function entryData(slot: number, entry: Entry): Record<string, string> {
  if ('packed' in entry) return { [`slot-${slot}`]: entry.packed }
  return { [`slot-${slot}-annex`]: base64(entry.annex) }
}

/**
 * The page of that number, from its Secret's `data`; `where` names the Secret. The records themselves are not looked at.
 * @throws Problem LEDGER_RECORD when it is damaged, or we are too old for it. Never with its contents.
 */
export function decodePage(
  data: Record<string, string> | undefined,
  { page, where }: { page: number; where: string },
): Page {
  const { writer, rest } = decodeStamp(data, where)
  const entries = new Map<number, Entry>()
  const kept: Record<string, string> = {}
  for (const [key, value] of Object.entries(rest)) {
    const [, number = '', annex] = /^slot-(\d{1,9})(-annex)?$/.exec(key) ?? []
    const slot = Number(number)
    // A slot that has both was written by somebody else.
    const isEntry = number !== '' && pageOfSlot(slot) === page && !entries.has(slot)
    if (isEntry) entries.set(slot, annex ? { annex: text(value) } : { packed: value })
    else kept[key] = value
  }
  return { writer, entries, kept }
}

/** The `data` of the head's Secret. */
export function encodeHead({ writer, settled, kept }: HeadContent): Record<string, string> {
  return { ...kept, ...stamp(writer), settled: base64(String(settled)) }
}

/**
 * The head, from its Secret's `data`; `where` names the Secret.
 * @throws Problem LEDGER_RECORD when it is damaged, or we are too old for it
 */
export function decodeHead(data: Record<string, string> | undefined, where: string): HeadContent {
  const { writer, rest } = decodeStamp(data, where)
  const { settled, ...kept } = rest
  return { writer, settled: count(settled) ?? 0, kept }
}

/** The writer that a page or head names; undefined when it names none. */
export function writerIn(data: Record<string, string> | undefined): Writer | undefined {
  try {
    const said = JSON.parse(text(data?.['writer'])) as Partial<Writer> | null
    const { epoch, id } = said ?? {}
    return Number.isSafeInteger(epoch) && typeof id === 'string'
      ? { epoch: epoch as number, id }
      : undefined
  } catch {
    return undefined
  }
}

function stamp(writer: Writer): Record<string, string> {
  return {
    version: base64(String(format)),
    'oldest-reader': base64(String(oldestReader)),
    writer: base64(JSON.stringify(writer)),
  }
}

function decodeStamp(
  data: Record<string, string> | undefined,
  where: string,
): { writer: Writer; rest: Record<string, string> } {
  const refuse = (found: string) =>
    unreadable({ where, wanted: `what programs of format ${format} can read`, found })
  const oldest = count(data?.['oldest-reader'])
  if (oldest === undefined || count(data?.['version']) === undefined)
    throw refuse('no version that we know')
  if (oldest > format) throw refuse(`what programs before format ${oldest} cannot read`)
  const writer = writerIn(data)
  if (!writer) throw refuse('no writer')
  const rest = Object.entries(data ?? {}).filter(([key]) => !stampKeys.includes(key))
  return { writer, rest: Object.fromEntries(rest) }
}

function count(value: string | undefined): number | undefined {
  const digits = text(value)
  return /^\d{1,15}$/.test(digits) ? Number(digits) : undefined
}

function text(value: string | undefined): string {
  return Buffer.from(value ?? '', 'base64').toString('utf8')
}

function base64(value: string): string {
  return Buffer.from(value).toString('base64')
}
