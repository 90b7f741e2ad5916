import { isClusterError } from '../cluster/cluster-error.js'
import { isProblem } from '../errors.js'
import type { LedgerContext } from './context.js'
import { annexName, ledgerSecret, slotsPerPage } from './names.js'
import type { Entry } from './page.js'
import { tooLarge, type SlotRecord } from './record.js'

/** A page of the largest records that stay on it fits into a Secret's 1 MiB. */
const mostOnPage = Math.floor(950_000 / slotsPerPage)

/**
 * The Secrets of a page's large records. Each is made before the page names it, never changed, and deleted after the
 * page has stopped to name it: so it is the page's write that counts, and one that no page names is rubbish.
 */
export class Annexes {
  private readonly unmade = new Map<string, { packed: Buffer; record: SlotRecord }>()
  private readonly made = new Set<string>()

  constructor(
    private readonly context: LedgerContext,
    private readonly nextMark: () => string,
  ) {}

  /** The Secret exists. */
  adopt(name: string): void {
    this.made.add(name)
  }

  /** Where a record goes: on the page, or into a Secret that is to be made. */
  entryFor(record: SlotRecord, packed: Buffer): Entry {
    if (packed.byteLength <= mostOnPage) return { packed: packed.toString('base64') }
    const annex = annexName(this.context.instance, { slot: record.slot, mark: this.nextMark() })
    // A copy: the caller may change the record.
    const run = record.run && { jobId: record.run.jobId, phase: record.run.phase }
    this.unmade.set(annex, { packed, record: { version: 1, slot: record.slot, run } })
    return { annex }
  }

  /** Whether the entry's Secret is still to be made. */
  isUnmade(entry: Entry): boolean {
    return 'annex' in entry && this.unmade.has(entry.annex)
  }

  /**
   * Makes the entry's Secret.
   * @throws Problem LEDGER_RECORD when it is too large for the cluster; ClusterError
   */
  async make({ annex }: Entry & { annex: string }): Promise<void> {
    const { secrets, instance } = this.context
    const unmade = this.unmade.get(annex)
    if (!unmade) return
    this.made.add(annex)
    const data = { record: unmade.packed.toString('base64') }
    try {
      await secrets.create(ledgerSecret({ instance, name: annex, data, immutable: true }))
    } catch (error) {
      // One of ours whose answer was lost: nobody else has names like this.
      if (!isClusterError(error, 'exists')) throw this.refusal(error, unmade.record)
    }
    this.unmade.delete(annex)
  }

  /** Deletes what the page, with these entries, does not name. What cannot be deleted now goes later. */
  async sweep(entries: Iterable<Entry>): Promise<void> {
    const { secrets, log } = this.context
    const named = new Set([...entries].map(entry => ('annex' in entry ? entry.annex : undefined)))
    for (const annex of [...this.made]) {
      if (named.has(annex)) continue
      try {
        await secrets.delete(annex)
      } catch (err) {
        if (isProblem(err)) throw err
        if (!isClusterError(err) || err.status !== 404) {
          log.warn({ err, secret: annex }, 'ledger: a Secret that is not needed stays for now')
          continue
        }
      }
      this.made.delete(annex)
    }
  }

  /** Forgets what was to be made and is wanted no more. */
  forget(entries: Iterable<Entry>): void {
    const wanted = new Set([...entries].map(entry => ('annex' in entry ? entry.annex : undefined)))
    for (const annex of this.unmade.keys()) if (!wanted.has(annex)) this.unmade.delete(annex)
  }

  private refusal(error: unknown, record: SlotRecord): unknown {
    const bySize =
      isClusterError(error, 'final') &&
      (error.status === 413 || error.status === 422 || /too large/.test(error.message))
    return bySize ? tooLarge(record, 'the API server did not take it', error) : error
  }
}
