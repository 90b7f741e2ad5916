import type { Readable } from 'node:stream'

/** All of a small body; undefined when it is larger than `most`, whose rest stays unread. @throws when it breaks off. */
export async function bounded(stream: Readable, most: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > most) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** The JSON object in a small body; empty when it is anything else. @throws when the body breaks off. */
export async function boundedJson(
  stream: Readable,
  most: number,
): Promise<Record<string, unknown>> {
  const body = await bounded(stream, most)
  try {
    const parsed = JSON.parse(body?.toString() ?? '') as unknown
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
