import { EventEmitter, once } from 'node:events'
import type { Clock } from '../clock.js'
import { advanced, type ChunkNumbers, type LogPosition } from '../gateway/splice.js'

/** What became of a chunk: upstream has it, has it not, or may have it. */
export type ChunkOutcome = 'taken' | 'refused' | 'unknown'

// An agent sends up to three chunks at once. Of those that an earlier process saw, so many may be sent again.
const mostAtOnce = 3

/**
 * The chunks of a pod: which are under way, where the log ends behind them, and which are lost. Numbers are upstream's.
 */
export class PodChunks {
  private readonly underWay = new Map<number, number>()
  private readonly unknown = new Set<number>()
  private readonly refused = new Set<number>()
  /** Those beyond `upTo` that upstream has. */
  private readonly taken = new Set<number>()
  /** All up to this one are settled. */
  private upTo: number | undefined
  private highest = 0
  private end: LogPosition | undefined
  private readonly seen: Set<number> | undefined
  private readonly changes = new EventEmitter()

  /** `end` is where the log stands; undefined when an earlier process forwarded chunks that we know nothing of. */
  constructor(end: LogPosition | undefined) {
    this.end = end
    this.upTo = end?.sequence
    this.seen = end ? undefined : new Set()
    this.changes.setMaxListeners(0)
  }

  /** A chunk is about to go upstream. */
  began({ sequence }: ChunkNumbers): void {
    this.underWay.set(sequence, (this.underWay.get(sequence) ?? 0) + 1)
    this.highest = Math.max(this.highest, sequence)
    this.upTo ??= sequence - 1
    this.seen?.add(sequence)
  }

  /** What became of it. */
  ended(chunk: ChunkNumbers, outcome: ChunkOutcome): void {
    const { sequence } = chunk
    const left = (this.underWay.get(sequence) ?? 1) - 1
    if (left > 0) this.underWay.set(sequence, left)
    else this.underWay.delete(sequence)
    if (outcome === 'taken') this.take(chunk)
    else if (!this.isTaken(sequence)) this[outcome].add(sequence)
    this.settle()
    this.changes.emit('change')
  }

  /** Where the log stands; undefined while it is not known, or what is under way may move it. */
  get position(): LogPosition | undefined {
    const { end } = this
    if (!end || !this.isEndSeen()) return undefined
    const open = [...this.unknown, ...this.underWay.keys()]
    return open.some(sequence => sequence > end.sequence) ? undefined : end
  }

  /** How many pieces of the log are known not to be upstream. */
  get lost(): number {
    let missing = 0
    for (let sequence = (this.upTo ?? 0) + 1; sequence <= this.highest; sequence++)
      if (!this.isOpen(sequence) && !this.taken.has(sequence) && !this.refused.has(sequence))
        missing++
    return missing + [...this.refused].filter(sequence => !this.isOpen(sequence)).length
  }

  /** Resolves when none is under way, or after `ms`. */
  async quiet(ms: number, clock: Clock): Promise<void> {
    if (this.underWay.size === 0) return
    const enough = new AbortController()
    const { signal } = enough
    let late = false
    const time = clock.sleep(ms, signal).then(
      () => void (late = true),
      () => undefined,
    )
    while (this.underWay.size > 0 && !late) {
      const change = once(this.changes, 'change', { signal }).catch(() => undefined)
      await Promise.race([change, time])
    }
    enough.abort()
  }

  private take(chunk: ChunkNumbers): void {
    const { sequence } = chunk
    this.unknown.delete(sequence)
    this.refused.delete(sequence)
    if (sequence > (this.upTo ?? 0)) this.taken.add(sequence)
    this.end = advanced(this.end ?? { sequence: 0, offset: 0 }, chunk)
  }

  private settle(): void {
    let next = (this.upTo ?? 0) + 1
    for (; this.taken.has(next) || this.refused.has(next); next++) this.taken.delete(next)
    this.upTo = next - 1
  }

  private isTaken(sequence: number): boolean {
    if (this.taken.has(sequence)) return true
    const settled = sequence <= (this.upTo ?? 0)
    return settled && !this.refused.has(sequence) && !this.unknown.has(sequence)
  }

  private isOpen(sequence: number): boolean {
    return this.unknown.has(sequence) || this.underWay.has(sequence)
  }

  // Those that the earlier process had under way come again, in any order; one more than that is the first new one, and
  // lies behind all that it ever sent.
  private isEndSeen(): boolean {
    return this.seen === undefined || this.seen.size > mostAtOnce
  }
}
