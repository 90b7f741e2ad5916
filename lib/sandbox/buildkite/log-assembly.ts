import { StringDecoder } from 'node:string_decoder'

/** One chunk of a job's log: its place in the order, and its place in the uncompressed text, in bytes. */
export interface Chunk {
  sequence: number
  offset: number
  data: Buffer
  /** When it came, in milliseconds since 1970. */
  at: number
}

/** What became of a chunk: new, the same again (a retry), or another one under a number that is taken. */
export type Addition = { kind: 'added'; text: string } | { kind: 'repeated' } | { kind: 'conflict' }

/** A job's log, put together by offset from chunks that may come in any order, some of them twice. */
export class LogAssembly {
  readonly chunks = new Map<number, Chunk>()
  readonly #waiting = new Map<number, Chunk>()
  readonly #decoder = new StringDecoder('utf8')
  #end = 0
  #held = ''

  /** Takes a chunk. `text` is what the chunk makes readable: contiguous text without markers, often empty. */
  add(chunk: Chunk): Addition {
    const known = this.chunks.get(chunk.sequence)
    if (known) return { kind: isSame(known, chunk) ? 'repeated' : 'conflict' }
    this.chunks.set(chunk.sequence, chunk)
    this.#waiting.set(chunk.offset, chunk)
    return { kind: 'added', text: this.#read() }
  }

  /** The bytes as they came, in the order of their offsets. */
  raw(): Buffer {
    const inOrder = [...this.chunks.values()].toSorted((a, b) => a.offset - b.offset)
    return Buffer.concat(inOrder.map(chunk => chunk.data))
  }

  /** The text without timestamp markers. */
  text(): string {
    return withoutMarkers(this.raw().toString('utf8'))
  }

  #read(): string {
    let fresh = this.#held
    let chunk = this.#waiting.get(this.#end)
    while (chunk && chunk.data.length > 0) {
      this.#waiting.delete(this.#end)
      this.#end += chunk.data.length
      fresh += this.#decoder.write(chunk.data)
      chunk = this.#waiting.get(this.#end)
    }
    const cut = fresh.length - unfinishedMarker(fresh)
    this.#held = fresh.slice(cut)
    return withoutMarkers(fresh.slice(0, cut))
  }
}

function isSame(a: Chunk, b: Chunk): boolean {
  return a.offset === b.offset && a.data.equals(b.data)
}

/** A text without the markers `ESC _bk;t=<ms> BEL` that the agent puts before each line. */
export function withoutMarkers(text: string): string {
  return text.replaceAll(/\u001b_bk;t=\d*\u0007/g, '')
}

function unfinishedMarker(text: string): number {
  const tail = /\u001b(_(b(k(;(t(=\d*)?)?)?)?)?)?$/.exec(text)
  return tail ? tail[0].length : 0
}

/**
 * What is wrong with the chunks of a finished log: sequences must be 1, 2, 3 … and each chunk must begin where the one
 * before it ends. As many chunks may be missing as the agent says it has failed to send.
 */
export function tilingComplaints(chunks: Iterable<Chunk>, failedCount: number): string[] {
  const inOrder = [...chunks].toSorted((a, b) => a.sequence - b.sequence)
  const complaints: string[] = []
  let missing = 0
  let before = { sequence: 0, end: 0 }
  for (const { sequence, offset, data } of inOrder) {
    const gap = sequence - before.sequence - 1
    missing += gap
    const fits = gap === 0 ? offset === before.end : offset >= before.end
    if (!fits)
      complaints.push(
        `chunk ${sequence} has offset ${offset}, but the one before ends at ${before.end}`,
      )
    before = { sequence, end: offset + data.length }
  }
  if (missing > failedCount) {
    complaints.push(
      `the log lacks ${missing} chunks of ${before.sequence}, but chunks_failed_count is ${failedCount}`,
    )
  }
  return complaints
}
