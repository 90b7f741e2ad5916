import { setImmediate as nextTurn } from 'node:timers/promises'

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

  constructor(write: (join: () => void) => Promise<ReadonlyMap<T, unknown>>) {
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
    try {
      const failed = await this.write(join)
      for (const { what, resolve, reject } of batch)
        if (failed.has(what)) reject(failed.get(what))
        else resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
