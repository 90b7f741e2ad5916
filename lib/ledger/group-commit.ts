import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Metrics } from '../metrics/metrics.js'

interface Waiting<T> {
  what: T
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * Does with one write what many want written. `write` reads what is wanted by itself; it calls `join` in the moment in
 * which it does, and so writes for all who have come until then, and again when it repeats itself. What it could not
 * write of all that is what it resolves to.
 */
export class GroupCommit<T> {
  private readonly write: (join: () => void) => Promise<ReadonlyMap<T, unknown>>
  private next: Waiting<T>[] = []
  private busy = false

  constructor(
    write: (join: () => void) => Promise<ReadonlyMap<T, unknown>>,
    private readonly metrics?: Metrics,
  ) {
    this.write = write
  }

  /** Resolves when a write has been done that has read what is wanted after this call; rejects when it failed. */
  commit(what: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.next.push({ what, resolve, reject })
      if (!this.busy) void this.drain()
    })
  }

  private async drain(): Promise<void> {
    this.busy = true
    // Those who come in the same turn of the event loop, as with answers that arrive together, share the first write.
    await nextTurn()
    while (this.next.length > 0) await this.once()
    this.busy = false
  }

  private async once(): Promise<void> {
    const batch: Waiting<T>[] = []
    const join = () => void batch.push(...this.next.splice(0))
    join()
    const told = this.metrics?.ledger.began()
    try {
      const failed = await this.write(join)
      told?.(batch.length, 'ok')
      for (const { what, resolve, reject } of batch)
        if (failed.has(what)) reject(failed.get(what))
        else resolve()
    } catch (error) {
      told?.(batch.length, 'failed')
      for (const { reject } of batch) reject(error)
    }
  }
}
