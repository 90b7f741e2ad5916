/** Where the log stands: the chunks that were sent, and their bytes before compression. */
export interface LogPosition {
  sequence: number
  offset: number
}

/** The numbers of a chunk as its query gives them. */
export interface ChunkNumbers {
  sequence: number
  offset: number
  size: number
}

/** A chunk's numbers out of a query; undefined when one is missing or no whole number. */
export function chunkNumbers(query: URLSearchParams): ChunkNumbers | undefined {
  const [sequence, offset, size] = ['sequence', 'offset', 'size'].map(name =>
    wholeNumber(query.get(name)),
  )
  if (sequence === undefined || offset === undefined || size === undefined) return undefined
  return { sequence, offset, size }
}

/** The pod's chunk, moved behind our own first lines: `sequence` + k, `offset` + b. */
export function spliced(chunk: ChunkNumbers, opening: LogPosition): ChunkNumbers {
  return {
    sequence: chunk.sequence + opening.sequence,
    offset: chunk.offset + opening.offset,
    size: chunk.size,
  }
}

/** The position after a chunk, whichever order chunks come in: up to three are under way at once. */
export function advanced(
  position: LogPosition,
  { sequence, offset, size }: ChunkNumbers,
): LogPosition {
  return {
    sequence: Math.max(position.sequence, sequence),
    offset: Math.max(position.offset, offset + size),
  }
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
