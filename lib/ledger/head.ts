import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import { currentSecret, mostOvertakes, whereIs, type LedgerContext } from './context.js'
import { headName, ledgerSecret } from './names.js'
import { decodeHead, encodeHead, writerIn, type HeadContent } from './page.js'

/**
 * The Secret that says who writes the ledger. A writer takes it before it looks at the pages, and looks whether it
 * still has it after it has made a page: so no page can come to be behind a later writer's back. It is there as long
 * as there are pages. Methods throw `ClusterError`, and Problem LEASE_LOST when somebody else has the head.
 */
export class Head {
  /** Set when there are pages that we do not write: the head then stays, and no page is taken for one made too late. */
  strangers = false
  private version: string | undefined
  private kept: HeadContent['kept'] = {}
  private pages = 0
  private turn: Promise<unknown> = Promise.resolve()

  constructor(private readonly context: LedgerContext) {}

  /** Whether there is one, ours or not. */
  async exists(): Promise<boolean> {
    return (await this.current()) !== undefined
  }

  /**
   * Takes the head from whoever has it, with an epoch above its own and `above`.
   * @returns the last epoch whose writer had all pages in its hands
   * @throws Problem LEDGER_RECORD when the head cannot be read
   */
  async take(above: number): Promise<number> {
    const { claim } = this.context
    for (let overtakes = 0; ; overtakes++) {
      const found = await this.current()
      const { writer, settled = 0, kept = {} } = found ?? {}
      claim.epoch = Math.max(writer?.epoch ?? 0, above, claim.epoch) + 1
      this.kept = kept
      this.version = found?.version
      try {
        await this.write(settled)
        return settled
      } catch (error) {
        if (!this.wasOvertaken(error) || overtakes >= mostOvertakes) throw error
      }
    }
  }

  /** All pages are in our hands. */
  async settle(): Promise<void> {
    if (this.strangers) return
    try {
      await this.write(this.context.claim.epoch)
    } catch (error) {
      if (!this.wasOvertaken(error)) throw error
      await this.findOurs()
      await this.write(this.context.claim.epoch)
    }
  }

  /** Whether we still are the writer. */
  async isOurs(): Promise<boolean> {
    const { instance, claim } = this.context
    const writer = writerIn((await currentSecret(this.context, headName(instance)))?.data)
    return writer?.id === claim.id && writer.epoch === claim.epoch
  }

  /** There is a page of ours already. */
  adopt(): void {
    this.pages++
  }

  /** Call before a page is made: makes the head when there is none. */
  async hold(): Promise<void> {
    this.pages++
    try {
      await this.inTurn(() => this.ensure())
    } catch (error) {
      this.pages--
      throw error
    }
  }

  /** A page is gone; with the last one the head goes. */
  async release(): Promise<void> {
    await this.inTurn(async () => {
      if (this.pages === 1 && !this.strangers) await this.remove()
      this.pages--
    })
  }

  /** Removes the head of a ledger without pages. */
  async drop(): Promise<void> {
    await this.inTurn(async () => {
      if (this.pages === 0 && !this.strangers) await this.remove()
    })
  }

  private async ensure(): Promise<void> {
    if (this.version !== undefined) return
    const { claim } = this.context
    const before = claim.epoch
    claim.epoch = before + 1
    this.kept = {}
    try {
      // There were no pages: all are in our hands.
      await this.write(claim.epoch)
    } catch (error) {
      if (!isClusterError(error, 'exists')) {
        claim.epoch = before
        throw error
      }
      await this.findOurs()
    }
  }

  private async remove(): Promise<void> {
    const { secrets, instance } = this.context
    for (let overtakes = 0; this.version !== undefined; overtakes++) {
      try {
        await secrets.delete(headName(instance), { resourceVersion: this.version })
        this.version = undefined
      } catch (error) {
        if (isNotFound(error)) this.version = undefined
        else if (!isClusterError(error, 'conflict') || overtakes >= mostOvertakes) throw error
        else await this.findOurs()
      }
    }
  }

  private async write(settled: number): Promise<void> {
    const { secrets, instance, claim } = this.context
    const data = encodeHead({ writer: claim.writer, settled, kept: this.kept })
    const resourceVersion = this.version
    const secret = ledgerSecret({ instance, name: headName(instance), data, resourceVersion })
    const written = await (resourceVersion === undefined
      ? secrets.create(secret)
      : secrets.replace(secret))
    this.version = written.metadata?.resourceVersion
  }

  // After a write that met another version: one of ours whose answer was lost, or somebody else's.
  private async findOurs(): Promise<void> {
    const { claim, instance } = this.context
    const found = await this.current()
    if (found?.writer.id !== claim.id || found.writer.epoch > claim.epoch) {
      throw claim.lose(whereIs(this.context, headName(instance)), found?.writer)
    }
    claim.epoch = found.writer.epoch
    this.version = found.version
  }

  private async current(): Promise<(HeadContent & { version: string | undefined }) | undefined> {
    const name = headName(this.context.instance)
    const found = await currentSecret(this.context, name)
    if (!found) return undefined
    const version = found.metadata?.resourceVersion
    return { ...decodeHead(found.data, whereIs(this.context, name)), version }
  }

  private wasOvertaken(error: unknown): boolean {
    const vanished = this.version !== undefined && isNotFound(error)
    return isClusterError(error, 'exists') || isClusterError(error, 'conflict') || vanished
  }

  private inTurn(act: () => Promise<void>): Promise<void> {
    const done = this.turn.then(act)
    this.turn = done.catch(() => undefined)
    return done
  }
}
