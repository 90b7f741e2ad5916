import type { LogPosition } from '../gateway/splice.js'
import type { Chunk } from '../upstream/jobs.js'

/** The last chunk of our own before the pod's: enough to send it again, and to know where the pod's begin. */
export interface Opening {
  text: string
  /** Chunks of ours so far; the last one is `text`. */
  sequence: number
  /** Bytes of ours so far, `text` included. */
  bytes: number
}

/** What a journal is made of. */
export interface JournalOptions {
  opening: Opening
  /** Where the log stands beyond the opening; undefined when an earlier process forwarded chunks that we know nothing of. */
  cursor: LogPosition | undefined
  /** Whether a pod may have been told already where its chunks begin: the opening is final then. */
  sealed: boolean
  /** Delivers a chunk, trying again for as long as it takes. */
  upload: (chunk: Chunk) => Promise<void>
  /** Makes the opening durable. */
  keep: (opening: Opening) => Promise<void>
}

/**
 * A job's log from our side: lines of ours first, then the pod's chunks spliced behind them, then, when the pod dies,
 * lines of ours again. A line of ours is durable in the ledger before it is sent, so that it is sent with the same
 * numbers after a crash.
 */
export class Journal {
  private opening: Opening
  private cursor: LogPosition | undefined
  private sealed: boolean
  private last: Promise<void> = Promise.resolve()
  private saying: Promise<unknown> = Promise.resolve()
  private keeping: Promise<void> = Promise.resolve()

  constructor(private readonly options: JournalOptions) {
    this.opening = options.opening
    this.cursor = options.cursor
    this.sealed = options.sealed
  }

  /** No pod has ever been made: whatever an earlier process left, the log ends with our opening. */
  reopen(): void {
    this.sealed = false
    this.cursor = positionOf(this.opening)
  }

  /** Where the log stands when no pod has written to it. */
  get openingEnd(): LogPosition {
    return positionOf(this.opening)
  }

  /** Sends the opening; again after a restart, which is harmless. */
  begin(): void {
    const { text, sequence, bytes } = this.opening
    this.send({ sequence, offset: bytes - Buffer.byteLength(text), text: Buffer.from(text) })
  }

  /** Adds lines while no pod has been told where its chunks begin; false when it is too late for that. */
  async say(text: Buffer): Promise<boolean> {
    const said = this.saying.catch(() => undefined).then(() => this.add(text))
    this.saying = said
    return said
  }

  /** Where the pod's chunks begin. Final from now on, and durable when this resolves. */
  async seal(): Promise<LogPosition> {
    this.sealed = true
    await this.keeping.catch(() => undefined)
    return positionOf(this.opening)
  }

  /** A chunk of the pod's has gone upstream. */
  advance(position: LogPosition): void {
    this.cursor = position
  }

  /** Where the log stands; undefined when it is not known. */
  get position(): LogPosition | undefined {
    return this.cursor
  }

  /** Resolves when all chunks of ours have been taken. */
  async settled(): Promise<void> {
    await this.last
  }

  // One at a time. Lines that could not be made durable have no place in the log.
  private async add(text: Buffer): Promise<boolean> {
    await this.last
    if (this.sealed) return false
    const { sequence, bytes } = this.opening
    const next = { text: text.toString(), sequence: sequence + 1, bytes: bytes + text.length }
    this.keeping = this.options.keep(next).then(() => {
      this.opening = next
      this.cursor = positionOf(next)
      this.send({ sequence: next.sequence, offset: bytes, text })
    })
    await this.keeping
    return true
  }

  /** Sends a chunk of ours at a place that is already durable. */
  send(chunk: Chunk): void {
    this.last = this.last.then(() => this.options.upload(chunk))
  }
}

function positionOf({ sequence, bytes }: Opening): LogPosition {
  return { sequence, offset: bytes }
}
