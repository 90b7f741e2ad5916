import type { IncomingMessage, ServerResponse } from 'node:http'

/** Answers with JSON. The agent wants a JSON body on nearly every call, also on refusals (agent-api §1.7). */
export function reply(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent || response.destroyed) return
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** A passing fault: 503 with `Retry-After`, never a 4xx. */
export function later(response: ServerResponse, message: string, seconds = 1): void {
  if (!response.headersSent) response.setHeader('retry-after', String(clamped(seconds)))
  reply(response, 503, { message })
}

/**
 * The same, for the pod to ask another process: it may be led to another one when it connects anew. Its body is read
 * before, for so many milliseconds at most: a connection that is closed over unread bytes is reset, and of a large body
 * an agent may then see a broken pipe in place of the answer, which most calls take for final (agent: api/retryable.go).
 */
export async function elsewhere(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { message, drainMs }: { message: string; drainMs: number },
): Promise<void> {
  if (!response.headersSent) response.setHeader('connection', 'close')
  await readThrough(request, drainMs)
  later(response, message)
}

async function readThrough(request: IncomingMessage, ms: number): Promise<void> {
  if (request.destroyed) return
  await new Promise<void>(resolve => {
    const enough = setTimeout(resolve, ms)
    request.once('close', () => {
      clearTimeout(enough)
      resolve()
    })
    request.resume()
  })
}

function clamped(seconds: number): number {
  return Math.min(60, Math.max(1, Math.ceil(seconds) || 1))
}
