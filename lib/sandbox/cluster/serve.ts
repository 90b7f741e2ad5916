import type { IncomingMessage, ServerResponse } from 'node:http'
import { answer, type Parts, type Reply } from './api.js'
import { faultAnswer, type FaultAnswer, type Faults } from './faults.js'
import { target } from './router.js'
import { badRequest, failure, Refusal } from './status.js'

const bodyLimit = 3 * 1024 * 1024

/** What the server answers with, and who may ask. */
export interface Context {
  parts: Parts
  faults: Faults
  token: string
  signal: AbortSignal
}

/** Answers one HTTP request: a fault first, when one fits, else what the API says. */
export async function serve(
  context: Context,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const method = request.method ?? 'GET'
  const watch = ['1', 'true'].includes(url.searchParams.get('watch') ?? '')
  const text = await bodyText(request)
  const seen = { method, path: url.pathname, watch }
  const rule = await context.faults.take(seen, context.signal)
  const early = faultAnswer(rule, 'before')
  if (early) return sendFault(response, early)
  const carryOut = () => replyTo(context, request, { method, url, text })
  if (rule?.twice && !watch) carryOut()
  const reply = carryOut()
  const late = faultAnswer(rule, 'after')
  if (late) return sendFault(response, late)
  if (rule?.truncate && !('open' in reply)) return sendHalf(response, reply)
  send(response, reply)
}

function replyTo(
  context: Context,
  request: IncomingMessage,
  read: { method: string; url: URL; text: string | undefined },
): Reply & { headers?: Record<string, string> } {
  try {
    if (request.headers.authorization !== `Bearer ${context.token}`) {
      throw new Refusal(failure(401, 'Unauthorized'))
    }
    const { method, url, text } = read
    if (text === undefined) throw new Refusal(failure(413, `limit is ${bodyLimit}`))
    const where = target(url.pathname)
    return answer(context.parts, {
      method,
      target: where,
      query: url.searchParams,
      body: json(text),
      contentType: request.headers['content-type'],
    })
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { status: error.body.code, json: error.body, headers: error.headers }
  }
}

async function bodyText(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size <= bodyLimit) parts.push(part)
  }
  return size > bodyLimit ? undefined : Buffer.concat(parts).toString()
}

function json(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(`the object provided is not JSON: ${(error as Error).message}`)
  }
}

function send(response: ServerResponse, reply: Reply & { headers?: Record<string, string> }): void {
  if ('open' in reply) return reply.open(response)
  const type = 'json' in reply ? 'application/json' : 'text/plain'
  response.writeHead(reply.status, { 'content-type': type, ...reply.headers })
  response.end('json' in reply ? JSON.stringify(reply.json) : reply.text)
}

function sendHalf(response: ServerResponse, reply: Exclude<Reply, { open: unknown }>): void {
  const body = Buffer.from('json' in reply ? JSON.stringify(reply.json) : reply.text)
  response.writeHead(reply.status, {
    'content-type': 'application/json',
    'content-length': body.length,
  })
  response.write(body.subarray(0, body.length / 2), () => response.socket?.resetAndDestroy())
}

function sendFault(response: ServerResponse, fault: FaultAnswer): void {
  if (fault === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  send(response, { status: fault.body.code, json: fault.body, headers: fault.headers })
}
