import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import { currentSecret, mostOvertakes, whereIs, type LedgerContext } from './context.js'
import type { Head } from './head.js'
import { ledgerSecret } from './names.js'
import { encodePage, writerIn, type Page } from './page.js'

/**
 * One page's Secret in the cluster, written by us alone. It remembers the version that it wrote last, so that a write
 * is one request, and one that finds another version can tell whose it is. Methods throw `ClusterError`, and Problem
 * LEASE_LOST when the page is somebody else's.
 */
export class PageSecret {
  private version: string | undefined
  private held = false
  private unproven = false

  constructor(
    private readonly context: LedgerContext,
    private readonly head: Head,
    private readonly name: string,
  ) {}

  /** The Secret exists and names us as its writer. */
  adopt(version: string | undefined): void {
    this.version = version
    this.held = true
    this.head.adopt()
  }

  /** Sees to it that the page may be made. */
  async hold(): Promise<void> {
    if (this.held) return
    await this.head.hold()
    this.held = true
  }

  /** Makes the Secret so. May be repeated when its answer was lost. */
  async write(content: Omit<Page, 'writer'>): Promise<void> {
    await this.hold()
    for (let overtakes = 0; ; overtakes++) {
      try {
        await this.writeOnce(content)
        return await this.prove()
      } catch (error) {
        const vanished = this.version !== undefined && isNotFound(error)
        const overtaken = isClusterError(error, 'exists') || isClusterError(error, 'conflict')
        if (!(overtaken || vanished) || overtakes >= mostOvertakes) throw error
        this.context.metrics?.ledger.conflict()
        await this.lookAgain()
      }
    }
  }

  /** Removes the Secret. Fine when there is none. */
  async remove(): Promise<void> {
    const { secrets } = this.context
    // It may have been made by a write whose answer was lost.
    if (this.version === undefined && this.unproven) await this.lookAgain()
    for (let overtakes = 0; this.version !== undefined; overtakes++) {
      try {
        await secrets.delete(this.name, { resourceVersion: this.version })
        this.version = undefined
      } catch (error) {
        if (isNotFound(error)) this.version = undefined
        else if (!isClusterError(error, 'conflict') || overtakes >= mostOvertakes) throw error
        else await this.lookAgain()
      }
    }
    if (this.held) await this.head.release()
    this.held = false
  }

  private async writeOnce(content: Omit<Page, 'writer'>): Promise<void> {
    const { secrets, instance, claim } = this.context
    const { name, version: resourceVersion } = this
    const data = encodePage({ ...content, writer: claim.writer })
    const secret = ledgerSecret({ instance, name, data, resourceVersion })
    if (resourceVersion === undefined) this.unproven = true
    const written = await (resourceVersion === undefined
      ? secrets.create(secret)
      : secrets.replace(secret))
    this.version = written.metadata?.resourceVersion
  }

  // A page that we have made counts when we are the writer still: a later writer has seen it then, or will.
  private async prove(): Promise<void> {
    if (!this.unproven) return
    if (await this.head.isOurs()) {
      this.unproven = false
      return
    }
    const { secrets, claim } = this.context
    const undone = this.version && secrets.delete(this.name, { resourceVersion: this.version })
    const problem = claim.lose(whereIs(this.context, this.name), undefined)
    await Promise.resolve(undone).catch(() => undefined)
    throw problem
  }

  // Another version than ours: a write of ours whose answer was lost, another hand's, or another writer's.
  private async lookAgain(): Promise<void> {
    const { claim } = this.context
    const found = await currentSecret(this.context, this.name)
    const writer = writerIn(found?.data)
    if (found && writer?.id !== claim.id) {
      const isEarlier = writer === undefined || writer.epoch < claim.epoch
      if (!isEarlier || !(await this.head.isOurs()))
        throw claim.lose(whereIs(this.context, this.name), writer)
    }
    this.version = found?.metadata?.resourceVersion
  }
}
