import type { Clock } from '../../clock.js'

const inFlight = 3

/** One piece of the log: its place among the others, and its place in bytes. */
export interface LogChunk {
  /** 1, 2, 3, ... */
  sequence: number
  /** Bytes of the log before it, markers included. */
  offset: number
  data: Buffer
}

/**
 * Collects a job's output, marks the beginning of each line with its time, and uploads it in pieces: one look every
 * interval, pieces of at most `maxBytes`, three at a time (agent-api.md §5.2).
 */
export class LogStream {
  readonly #upload: (chunk: LogChunk) => Promise<void>
  readonly #maxBytes: number
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #ticking: Promise<void>
  readonly #uploading = new Set<Promise<void>>()
  #pending: Buffer[] = []
  #queue: LogChunk[] = []
  #atLineStart = true
  #sequence = 0
  #offset = 0
  #failed = 0

  constructor(options: {
    upload: (chunk: LogChunk) => Promise<void>
    maxBytes: number
    intervalMs: number
    clock: Clock
  }) {
    this.#upload = options.upload
    this.#maxBytes = options.maxBytes
    this.#clock = options.clock
    this.#ticking = this.#tick(options.intervalMs)
  }

  /** How many pieces could not be uploaded. */
  get failed(): number {
    return this.#failed
  }

  write(data: Buffer): void {
    if (data.length === 0) return
    this.#pending.push(marked(data, { now: this.#clock.now(), atLineStart: this.#atLineStart }))
    this.#atLineStart = data.at(-1) === 0x0a
  }

  /** Uploads what is left; resolves when every piece has arrived or is given up. */
  async close(): Promise<void> {
    this.#stop.abort()
    await this.#ticking
    this.#cut()
    while (this.#uploading.size > 0) await Promise.race(this.#uploading)
  }

  async #tick(intervalMs: number): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#clock.sleep(intervalMs, this.#stop.signal).catch(() => {})
      this.#cut()
    }
  }

  #cut(): void {
    const data = Buffer.concat(this.#pending)
    this.#pending = []
    for (let at = 0; at < data.length; at += this.#maxBytes) {
      const piece = data.subarray(at, at + this.#maxBytes)
      this.#sequence += 1
      this.#queue.push({ sequence: this.#sequence, offset: this.#offset, data: piece })
      this.#offset += piece.length
    }
    this.#pump()
  }

  #pump(): void {
    while (this.#uploading.size < inFlight) {
      const chunk = this.#queue.shift()
      if (!chunk) return
      const upload = this.#upload(chunk)
        .catch(() => {
          this.#failed += 1
        })
        .finally(() => {
          this.#uploading.delete(upload)
          this.#pump()
        })
      this.#uploading.add(upload)
    }
  }
}

/** The data with `ESC _bk;t=<ms> BEL` before each line that begins in it. */
export function marked(data: Buffer, at: { now: number; atLineStart: boolean }): Buffer {
  const marker = Buffer.from(`\u001B_bk;t=${at.now}\u0007`)
  const parts: Buffer[] = []
  let beginsLine = at.atLineStart
  for (let from = 0; from < data.length;) {
    const newline = data.indexOf(0x0a, from)
    const to = newline === -1 ? data.length : newline + 1
    if (beginsLine) parts.push(marker)
    parts.push(data.subarray(from, to))
    beginsLine = newline !== -1
    from = to
  }
  return Buffer.concat(parts)
}
