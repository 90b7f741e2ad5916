/** A value on its way out, and those who wait for it. */
interface Batch<T> {
  value: T
  waiting: { resolve: () => void; reject: (error: unknown) => void }[]
}

/**
 * Writes values one at a time, and of those that wait only the latest. `write` is handed a function that gives the
 * latest value at each call, so that a write that is being repeated repeats what is wanted now.
 */
export class LatestWins<T> {
  readonly #write: (latest: () => T) => Promise<void>
  #next: Batch<T> | undefined
  #busy = false

  constructor(write: (latest: () => T) => Promise<void>) {
    this.#write = write
  }

  /** Resolves when this value, or a later one in its place, is written; rejects when that fails. */
  put(value: T): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = [...(this.#next?.waiting ?? []), { resolve, reject }]
      this.#next = { value, waiting }
      if (!this.#busy) void this.#drain()
    })
  }

  async #drain(): Promise<void> {
    this.#busy = true
    while (this.#next) {
      const batch: Batch<T> = { value: this.#next.value, waiting: [] }
      const latest = () => this.#absorb(batch)
      try {
        latest()
        await this.#write(latest)
        for (const { resolve } of batch.waiting) resolve()
      } catch (error) {
        for (const { reject } of batch.waiting) reject(error)
      }
    }
    this.#busy = false
  }

  #absorb(batch: Batch<T>): T {
    if (this.#next) {
      batch.value = this.#next.value
      batch.waiting.push(...this.#next.waiting)
      this.#next = undefined
    }
    return batch.value
  }
}
