import { isClusterError } from '../cluster/cluster-error.js'
import { isProblem } from '../errors.js'
import { Annexes } from './annexes.js'
import { patiently, type LedgerContext } from './context.js'
import { GroupCommit } from './group-commit.js'
import type { Head } from './head.js'
import { pageName } from './names.js'
import type { Entry, Page } from './page.js'
import { PageSecret } from './page-secret.js'
import { packRecord, type SlotRecord } from './record.js'

/** Of which page, and what it is written with. `nextMark` gives what no name had before. */
export interface PagePlace {
  context: LedgerContext
  head: Head
  page: number
  nextMark: () => string
}

/** The records of one page's slots as this process has them, and their way into the cluster. */
export class PageWriter {
  private readonly latest = new Map<number, Entry>()
  private stored: ReadonlyMap<number, Entry> = new Map()
  private kept: Page['kept'] = {}
  private readonly secret: PageSecret
  private readonly annexes: Annexes
  private readonly commits: GroupCommit<Entry | undefined>

  constructor(private readonly place: PagePlace) {
    const { context, head, page, nextMark } = place
    this.secret = new PageSecret(context, head, pageName(context.instance, page))
    this.annexes = new Annexes(context, nextMark)
    this.commits = new GroupCommit(join => this.write(join), context.metrics)
  }

  /** Goes on with a page that has been claimed: its readable entries, and what is to be kept as it is. */
  adopt(page: Pick<Page, 'entries' | 'kept'>, version: string | undefined): void {
    this.secret.adopt(version)
    this.kept = page.kept
    this.stored = new Map(page.entries)
    for (const [slot, entry] of page.entries) {
      this.latest.set(slot, entry)
      if ('annex' in entry) this.annexes.adopt(entry.annex)
    }
  }

  /** Resolves when the record, or a later one of its slot, is in the cluster. @throws Problem LEDGER_RECORD. */
  put(record: SlotRecord): Promise<void> {
    return this.commits.commit(this.note(record))
  }

  /** The record goes with the page's next write; one with nothing in it is none. @throws Problem LEDGER_RECORD. */
  note(record: SlotRecord): Entry | undefined {
    if (isBlank(record)) {
      this.latest.delete(record.slot)
      return undefined
    }
    const entry = this.annexes.entryFor(record, packRecord(record))
    this.latest.set(record.slot, entry)
    return entry
  }

  /** Resolves when the slot's record is out of the cluster, or a later one has been put. */
  remove(slot: number): Promise<void> {
    this.latest.delete(slot)
    return this.commits.commit(undefined)
  }

  private async write(join: () => void): Promise<ReadonlyMap<Entry | undefined, unknown>> {
    const { context, page } = this.place
    const failed = new Map<Entry, unknown>()
    await patiently(context, `page ${page}`, async () => {
      context.claim.check()
      if (this.latest.size > 0) await this.secret.hold()
      await this.makeAnnexes(failed)
      join()
      const entries = new Map(this.latest)
      const isEmpty = entries.size === 0 && Object.keys(this.kept).length === 0
      await (isEmpty ? this.secret.remove() : this.secret.write({ entries, kept: this.kept }))
      this.stored = entries
      await this.annexes.sweep(entries.values())
    })
    return failed
  }

  private async makeAnnexes(failed: Map<Entry, unknown>): Promise<void> {
    for (;;) {
      this.annexes.forget(this.latest.values())
      const [slot, entry] = [...this.latest].find(([, one]) => this.annexes.isUnmade(one)) ?? []
      if (slot === undefined || entry === undefined || !('annex' in entry)) return
      try {
        await this.annexes.make(entry)
      } catch (error) {
        if (!isAloneInIt(error)) throw error
        failed.set(entry, error)
        this.takeBack(slot, entry)
      }
    }
  }

  // What the cluster does not take must not keep the page's other records from it.
  private takeBack(slot: number, entry: Entry): void {
    if (this.latest.get(slot) !== entry) return
    const before = this.stored.get(slot)
    if (before) this.latest.set(slot, before)
    else this.latest.delete(slot)
  }
}

// A slot that has neither an agent nor a run: also when that is noted after the slot has been removed.
function isBlank({ registration, run }: SlotRecord): boolean {
  return registration === undefined && run === undefined
}

function isAloneInIt(error: unknown): boolean {
  return isProblem(error, 'LEDGER_RECORD') || isClusterError(error, 'final')
}
