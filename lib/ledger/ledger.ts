import { createHash, randomUUID } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { SecretVerbs } from '../cluster/secrets.js'
import { isProblem, Problem } from '../errors.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { Claim } from './claim.js'
import { cleanUp, deleteSlotSecrets } from './clean-up.js'
import { fencedSecrets, patiently, whereIs, type LedgerContext } from './context.js'
import { decodeSlotSecret } from './format-1.js'
import { Head } from './head.js'
import { pageName, pageOfSlot, slotSecretName, slotsPerPage } from './names.js'
import { PageWriter } from './page-writer.js'
import { readPage } from './read-page.js'
import type { SlotRecord } from './record.js'
import { listSecrets, takeOver, type ClaimedPage, type Found } from './take-over.js'

export interface LedgerOptions {
  secrets: SecretVerbs
  /** Which spawner's ledger it is, when several share a namespace. */
  instance: string
  log: Log
  clock: Clock
  /** Ends the waiting on passing faults: what is not written by then is rejected with the signal's reason. */
  signal?: AbortSignal
  /** Tells this writer from all others, as a UUID does. */
  id?: string
  /** Called once, when another process has taken the ledger over. Nothing is written any more then. */
  onFenced?: (problem: Problem) => void
  metrics?: Metrics
}

/**
 * What outlives the process: a record for each slot, eight to a Secret. It has one writer, the one that loaded it last:
 * all others get Problem LEASE_LOST from their next write on. Passing faults of the cluster are waited out; final ones
 * reject with `ClusterError`.
 */
export class Ledger {
  private readonly context: LedgerContext
  private readonly pages = new Map<number, PageWriter>()
  private readonly slots = new Set<number>()
  private head: Head
  private marks = 0

  constructor({
    secrets,
    instance,
    log,
    clock,
    signal,
    id = randomUUID(),
    onFenced,
    metrics,
  }: LedgerOptions) {
    const claim = new Claim(id, onFenced)
    const fenced = fencedSecrets(secrets, claim)
    this.context = { secrets: fenced, instance, log, clock, signal, claim, metrics }
    this.head = new Head(this.context)
  }

  /** Slots whose record `load` could not read. They are kept as they are, and `put` refuses them: do not use them. */
  get unreadable(): ReadonlySet<number> {
    return this.slots
  }

  /** How many pages it has had to do with since it was loaded. */
  get pageCount(): number {
    return this.pages.size
  }

  /** Whether there is anything in the cluster, of whichever process. */
  async exists(): Promise<boolean> {
    const secrets = await patiently(this.context, 'list', () => listSecrets(this.context))
    return secrets.length > 0
  }

  /**
   * Makes this process the ledger's writer, before any of its writes. The records of all slots, lowest first. One that
   * cannot be read is logged, left out, and kept in the cluster.
   * @throws Problem LEASE_LOST, when another process loads it at the same time; LEDGER_RECORD, when the ledger's head
   * cannot be read
   */
  async load(): Promise<SlotRecord[]> {
    this.context.claim.check()
    this.head = new Head(this.context)
    this.pages.clear()
    this.slots.clear()
    const found = await takeOver(this.context, this.head)
    const records: SlotRecord[] = []
    for (const claimed of found.claimed) records.push(...(await this.adopt(claimed, found)))
    for (const { page, problem } of found.strange) this.leaveOut(slotsOf(page), problem)
    records.push(...(await this.migrate(found, new Set(records.map(({ slot }) => slot)))))
    await cleanUp(this.context, found)
    if (this.pages.size === 0) await patiently(this.context, 'head', () => this.head.drop())
    return records.toSorted((a, b) => a.slot - b.slot)
  }

  /**
   * Resolves when the record, or a later one of the same slot, is in the cluster. The record is read at once, so it may
   * be changed after the call.
   * @throws Problem LEDGER_RECORD when it is too large, or the slot is `unreadable`; LEASE_LOST
   */
  async put(record: SlotRecord): Promise<void> {
    this.context.claim.check()
    await this.page(this.writable(record.slot)).put(record)
  }

  /**
   * As `put`, without a write of its own: the record goes with the next write of its page.
   * @throws Problem LEDGER_RECORD when it is too large, or the slot is `unreadable`
   */
  note(record: SlotRecord): void {
    this.page(this.writable(record.slot)).note(record)
  }

  /** Resolves when the slot's record is out of the cluster, or a later one has been put; one that is `unreadable` stays. */
  async remove(slot: number): Promise<void> {
    this.context.claim.check()
    if (!this.slots.has(slot)) await this.page(slot).remove(slot)
  }

  private page(slot: number): PageWriter {
    const page = pageOfSlot(slot)
    const known = this.pages.get(page)
    if (known) return known
    const { context, head } = this
    const made = new PageWriter({ context, head, page, nextMark: () => this.nextMark() })
    this.pages.set(page, made)
    return made
  }

  private nextMark(): string {
    const { id } = this.context.claim
    return createHash('sha256').update(`${id} ${this.marks++}`).digest('hex').slice(0, 16)
  }

  private async adopt(claimed: ClaimedPage, { annexes }: Found): Promise<SlotRecord[]> {
    const { records, content, damaged } = await readPage(this.context, claimed, annexes)
    this.page(claimed.page * slotsPerPage).adopt(content, claimed.version)
    for (const { slot, problem } of damaged) this.leaveOut([slot], problem)
    return records
  }

  /** Moves the records of format 1 to pages. What a page has already goes before them: the move was cut short. */
  private async migrate(found: Found, known: ReadonlySet<number>): Promise<SlotRecord[]> {
    const records: SlotRecord[] = []
    const moved: number[] = []
    for (const [slot, { data }] of found.slots) {
      if (this.slots.has(slot)) continue
      if (!known.has(slot)) {
        const record = this.readSlotSecret(slot, data)
        if (!record) continue
        records.push(record)
      }
      moved.push(slot)
    }
    await Promise.all(records.map(record => this.put(record)))
    await deleteSlotSecrets(this.context, moved)
    return records
  }

  private readSlotSecret(slot: number, data?: Record<string, string>): SlotRecord | undefined {
    const where = whereIs(this.context, slotSecretName(this.context.instance, slot))
    try {
      return decodeSlotSecret(data, { slot, where })
    } catch (problem) {
      if (!isProblem(problem)) throw problem
      this.leaveOut([slot], problem)
      return undefined
    }
  }

  private leaveOut(slots: readonly number[], problem: Problem): void {
    const { where } = problem
    this.context.log.error({ err: problem, where, slots }, 'ledger record left out')
    for (const slot of slots) this.slots.add(slot)
  }

  private writable(slot: number): number {
    if (!this.slots.has(slot)) return slot
    const { context } = this
    throw new Problem('LEDGER_RECORD', `slot ${slot} has a record that is kept as it is`, {
      where: whereIs(context, pageName(context.instance, pageOfSlot(slot))),
      wanted: 'a slot without a record, or with one that we can read',
      found: 'a record that cannot be read',
      hint: 'run the version of the spawner that wrote it; delete it when its run is over',
    })
  }
}

function slotsOf(page: number): number[] {
  return Array.from({ length: slotsPerPage }, (_, index) => page * slotsPerPage + index)
}
