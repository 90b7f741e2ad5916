import { Readable } from 'node:stream'
import { request as send, type Dispatcher } from 'undici'
import { steadily } from '../clock.js'
import { messageOf } from '../errors.js'
import { isFenced } from '../fence.js'
import { isHtml, isPage } from '../upstream/page.js'
import { bounded } from './bounded.js'
import { upstreamHeaders } from './headers.js'
import type { GatewayParts, PodCall } from './pod-call.js'
import type { PodBody, ReadBody } from './pod-body.js'
import type { Verdict } from './upstream-health.js'

// The agent gives a call 60 s in all: an answer that comes later helps nobody.
const exchangeMs = 55_000
const leastMs = 10_000
const pageBytes = 256 * 1024

/** A call as it goes upstream. */
export interface Outgoing {
  /** The path below upstream's endpoint, with its query. */
  target: string
  body: PodBody | ReadBody | null
}

/** Upstream's answer, its body unread. */
export interface Answered {
  statusCode: number
  headers: Dispatcher.ResponseData['headers']
  body: Dispatcher.ResponseData['body'] | Readable
}

/**
 * What came of one attempt: upstream's answer; or none, or a page of somebody's on the way, which is none. Then `mayHave`
 * says whether upstream can have the whole call all the same, and `again` whether it may be sent a second time.
 */
export type Attempt =
  | { answered: Answered }
  | { answered?: undefined; mayHave: boolean; again: boolean; verdict: Verdict }

/** Sends a pod's call upstream, once. */
export async function attempt(
  call: PodCall,
  { target, body }: Outgoing,
  parts: GatewayParts,
): Promise<Attempt> {
  const { request, response, run } = call
  const { dispatcher } = parts.options
  const gone = new AbortController()
  // A whole body goes through even when the pod has died over it: of its last chunk we must know whether it is there.
  const leave = () => {
    if (!request.complete) gone.abort(new Error('the pod went away'))
  }
  response.once('close', leave)
  try {
    const session = run.upstream()
    const answered = await send(session.endpoint + target, {
      method: request.method ?? 'GET',
      dispatcher,
      headers: withLength(upstreamHeaders(request.headers, session), request, body),
      body,
      headersTimeout: timeoutOf(call, parts),
      bodyTimeout: exchangeMs,
      signal: gone.signal,
    })
    const own = await unlessPage(answered)
    return own ? { answered: own } : { mayHave: true, again: false, verdict: 'none' }
  } catch (error) {
    return failed(error, call, { body, parts })
  } finally {
    // Once the answer has begun, its pipe sees to it that it ends when the pod goes away.
    response.off('close', leave)
  }
}

// Its words tell a page: an answer without any is upstream's own, whatever it calls itself.
async function unlessPage(answered: Dispatcher.ResponseData): Promise<Answered | undefined> {
  const { statusCode, headers, body } = answered
  if (statusCode >= 500 || !isHtml(headers['content-type'])) return answered
  const text = await bounded(body, pageBytes)
  if (text === undefined) body.destroy()
  if (text === undefined || isPage(headers['content-type'], text.toString())) return undefined
  return { statusCode, headers, body: Readable.from([text]) }
}

function failed(
  error: unknown,
  { request, match, run }: PodCall,
  { body, parts }: { body: Outgoing['body']; parts: GatewayParts },
): Attempt {
  const unsent = neverSent(error)
  const bodyless = ['GET', 'HEAD'].includes(request.method ?? '')
  const again = unsent || (body ? !body.begun : bodyless)
  const mayHave = !unsent && (body ? body.ended : true)
  const { log } = parts.options
  const why = messageOf(error)
  log.warn({ job: run.jobId, route: match.route.action, why }, 'upstream did not answer a pod')
  const ownDoing = body?.wasCut === true || (request.destroyed && !request.complete)
  return { mayHave, again, verdict: ownDoing ? 'none' : verdictOf(error) }
}

function verdictOf(error: unknown): Verdict {
  if (isFenced(error)) return 'none'
  return neverSent(error) ? 'away' : 'failed'
}

const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

// No connection came about: nothing of the call has left this process.
function neverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, syscall } = error as NodeJS.ErrnoException
  return syscall === 'connect' || (code !== undefined && unsentCodes.has(code))
}

function timeoutOf({ patience }: PodCall, { options }: GatewayParts): number {
  const waited = steadily(options.clock) - patience.from
  return Math.max(leastMs, exchangeMs - waited)
}

/** Whether a call has a body. One of a GET is none that an agent sends, and does not go upstream. */
export function hasBody({ method, headers }: PodCall['request']): boolean {
  const { 'content-length': length, 'transfer-encoding': coding } = headers
  if (method === 'GET' || method === 'HEAD') return false
  return coding !== undefined || (length !== undefined && length !== '0')
}

// A known length is kept: upstream may refuse a body without one.
function withLength(
  headers: Record<string, string | string[]>,
  request: PodCall['request'],
  body: Outgoing['body'],
) {
  const length = request.headers['content-length']
  return length === undefined || !body ? headers : { ...headers, 'content-length': length }
}
