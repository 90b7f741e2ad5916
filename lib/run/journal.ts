import type { Clock } from '../clock.js'
import type { ChunkNumbers, LogPosition } from '../gateway/splice.js'
import type { Chunk } from '../upstream/jobs.js'
import { PodChunks, type ChunkOutcome } from './pod-chunks.js'

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
  /** Delivers a chunk, trying again for as long as it takes; false when upstream refuses it for good. */
  upload: (chunk: Chunk) => Promise<boolean>
  /** Makes the opening durable. */
  keep: (opening: Opening) => Promise<void>
  /** The opening is this one again; worth no write of its own. */
  note?: (opening: Opening) => void
}

/**
 * A job's log from our side: lines of ours first, then the pod's chunks spliced behind them, then, when the pod dies,
 * lines of ours again. A line of ours is durable in the ledger before it is sent, so that it is sent with the same
 * numbers after a crash.
 */
export class Journal {
  private opening: Opening
  private chunks: PodChunks
  private sealed: boolean
  private lostLines = 0
  private begun = false
  private last: Promise<void> = Promise.resolve()
  private saying: Promise<unknown> = Promise.resolve()
  private keeping: Promise<void> = Promise.resolve()

  constructor(private readonly options: JournalOptions) {
    this.opening = options.opening
    this.chunks = new PodChunks(options.cursor)
    this.sealed = options.sealed
  }

  /** No pod has ever been made: whatever an earlier process left, the log ends with our opening. */
  reopen(): void {
    this.sealed = false
    this.chunks = new PodChunks(positionOf(this.opening))
  }

  /** Where the log stands when no pod has written to it. */
  get openingEnd(): LogPosition {
    return positionOf(this.opening)
  }

  /** Sends the opening, once; again after a restart, which is harmless. */
  begin(): void {
    const { opening, begun } = this
    this.begun = true
    if (begun || opening.text === '') return
    const offset = opening.bytes - Buffer.byteLength(opening.text)
    this.sendOpening({ sequence: opening.sequence, offset, text: Buffer.from(opening.text) })
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

  /** A chunk of the pod's is about to go upstream. */
  chunkBegan(chunk: ChunkNumbers): void {
    this.chunks.began(chunk)
  }

  /** What became of a chunk of the pod's. */
  chunkEnded(chunk: ChunkNumbers, outcome: ChunkOutcome): void {
    this.chunks.ended(chunk, outcome)
  }

  /** Resolves when no chunk of the pod's is under way, or after `ms`. */
  async quiet(ms: number, clock: Clock): Promise<void> {
    await this.chunks.quiet(ms, clock)
  }

  /** Where the log stands; undefined when it is not known. */
  get position(): LogPosition | undefined {
    return this.chunks.position
  }

  /** How many pieces of the log are known not to have reached upstream. */
  get lost(): number {
    return this.chunks.lost + this.lostLines
  }

  /** Resolves when all chunks of ours have been taken, or refused for good. */
  async settled(): Promise<void> {
    await this.last
  }

  /** Sends a chunk of ours at a place that is already durable. */
  send(chunk: Chunk): void {
    this.last = this.last.then(async () => void (await this.options.upload(chunk)))
  }

  // One at a time. Lines that could not be made durable have no place in the log.
  private async add(text: Buffer): Promise<boolean> {
    await this.last
    if (this.sealed) return false
    const { sequence, bytes } = this.opening
    const next = { text: text.toString(), sequence: sequence + 1, bytes: bytes + text.length }
    this.keeping = this.options.keep(next).then(
      () => {
        this.moveTo(next)
        this.sendOpening({ sequence: next.sequence, offset: bytes, text })
      },
      (error: unknown) => {
        // A later write must not tell the next process of lines that are not there: the pod writes in their place.
        this.options.note?.(this.opening)
        throw error
      },
    )
    await this.keeping
    return true
  }

  private sendOpening(chunk: Chunk): void {
    const sent = this.opening
    this.last = this.last.then(async () => {
      if (!(await this.options.upload(chunk))) this.refused(sent, chunk)
    })
  }

  // The next lines take its place, unless a pod has been told to write behind it.
  private refused(sent: Opening, { sequence, offset }: Chunk): void {
    if (this.sealed) {
      if (!this.options.sealed) this.lostLines++
      return
    }
    if (this.opening !== sent) return
    this.moveTo({ text: '', sequence: sequence - 1, bytes: offset })
    this.options.note?.(this.opening)
  }

  private moveTo(opening: Opening): void {
    this.opening = opening
    this.chunks = new PodChunks(positionOf(opening))
  }
}

function positionOf({ sequence, bytes }: Opening): LogPosition {
  return { sequence, offset: bytes }
}
