import type { ServerResponse } from 'node:http'

/** Answers with JSON. The agent wants a JSON body on nearly every call, also on refusals (agent-api §1.7). */
export function reply(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

/** A passing fault: 503 with `Retry-After`, never a 4xx. */
export function later(response: ServerResponse, message: string, seconds = 1): void {
  response.setHeader('retry-after', String(seconds))
  reply(response, 503, { message })
}
