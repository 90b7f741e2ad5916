import { pipeline } from 'node:stream/promises'
import { request as send, type Dispatcher } from 'undici'
import { messageOf } from '../errors.js'
import { retryableStatus } from '../upstream/retry.js'
import { podHeaders, upstreamHeaders } from './headers.js'
import { later, reply } from './reply.js'
import type { GatewayOptions, PodCall } from './pod-call.js'

// The agent gives a call 60 s in all: an answer that comes later helps nobody.
const upstreamTimeoutMs = 50_000

/**
 * Sends a pod's call upstream and its answer back, both bodies streamed and never unpacked. Gives the status that
 * upstream answered, undefined when it did not. Without an answer the pod is told to try again.
 */
export async function forward(
  call: PodCall,
  options: GatewayOptions,
  { passingIs503 = false }: { passingIs503?: boolean } = {},
): Promise<number | undefined> {
  const { response, run } = call
  if (run.over) {
    reply(response, 401, { message: 'this job is over' })
    return undefined
  }
  const answered = await ask(call, options)
  if (answered === undefined) {
    if (!response.destroyed) later(response, 'upstream did not answer')
    return undefined
  }
  const { statusCode, headers, body } = answered
  // An agent drops a log chunk on any 4xx, 429 too.
  if (passingIs503 && retryableStatus(statusCode)) {
    await body.dump()
    later(response, 'upstream is busy', Number(headers['retry-after']) || 1)
    return statusCode
  }
  response.writeHead(statusCode, podHeaders(headers))
  await pipeline(body, response).catch((error: unknown) => {
    options.log.debug({ err: error, job: run.jobId }, 'answer broke off on its way to the pod')
  })
  return statusCode
}

/** Like `forward`, for a small answer that we read as well. */
export async function exchange(
  call: PodCall,
  options: GatewayOptions,
): Promise<{ status: number; body: unknown; retryAfterSeconds: number } | undefined> {
  const answered = await ask(call, options)
  if (answered === undefined) return undefined
  const retryAfterSeconds = Number(answered.headers['retry-after']) || 1
  const body = await answered.body.json().catch(() => undefined)
  return { status: answered.statusCode, body, retryAfterSeconds }
}

async function ask(
  call: PodCall,
  { dispatcher, log }: GatewayOptions,
): Promise<Dispatcher.ResponseData | undefined> {
  const { request, response, run, target } = call
  const session = run.upstream()
  const gone = new AbortController()
  // A whole body goes through even when the pod has died over it: of its last chunk we must know whether it is there.
  response.once('close', () => {
    if (!request.complete) gone.abort()
  })
  try {
    return await send(session.endpoint + target, {
      method: request.method ?? 'GET',
      dispatcher,
      headers: withLength(
        upstreamHeaders(request.headers, session),
        request.headers['content-length'],
      ),
      body: hasBody(request.headers) ? request : null,
      headersTimeout: upstreamTimeoutMs,
      bodyTimeout: upstreamTimeoutMs,
      signal: gone.signal,
    })
  } catch (error) {
    log.warn(
      { job: run.jobId, route: call.match.route.action, why: messageOf(error) },
      'upstream did not answer a pod',
    )
    return undefined
  }
}

function hasBody(headers: PodCall['request']['headers']): boolean {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

// A known length is kept: storage and upstream may refuse a body without one.
function withLength(headers: Record<string, string | string[]>, length: string | undefined) {
  return length === undefined || length === '0' ? headers : { ...headers, 'content-length': length }
}
