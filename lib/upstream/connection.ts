import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici'
import type { Clock } from '../clock.js'
import { messageOf } from '../errors.js'
import { isFenced, openFence, type Fence, type FencedRequest } from '../fence.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { version, agentVersion } from '../version.js'
import { isPage } from './page.js'
import { nextTry, retryAfterMs, type Fault, type RetryPolicy } from './retry.js'

/** One call of the Agent API. `token` is whichever of the three tokens the call wants. */
export interface Call {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  endpoint: string
  token: string
  requestHeaders: Record<string, string>
  headers?: Record<string, string>
  /** JSON when it is an object, sent as it is when it is a Buffer. */
  body?: object | Buffer
}

/** A 2xx answer. `body` is its JSON, or undefined when it has none. */
export interface Answer {
  status: number
  body: unknown
}

/** A call that upstream refused, or that never got an answer. The message holds no body and no token. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  constructor(
    message: string,
    readonly fault: Fault,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }

  /** The HTTP status, when there was one. */
  get status(): number | undefined {
    return this.fault.kind === 'status' ? this.fault.status : undefined
  }
}

/** What a connection to upstream is made of. */
export interface ConnectionOptions {
  log: Log
  clock: Clock
  dispatcher?: Dispatcher
  /** Open while this process may write to Buildkite; always, when it is left out. */
  fence?: Fence
  metrics?: Metrics
}

/**
 * What no process without a lease may send. Reading changes nothing, but a ping does: upstream assigns a job with its
 * answer. Heartbeats go on: two processes that say that an agent is alive do no harm, and silence would cost all jobs.
 */
export function isFencedCall({ method, path }: FencedRequest): boolean {
  if (method === 'GET' || method === 'HEAD') return path.endsWith('/ping')
  return !(method === 'POST' && path.endsWith('/heartbeat') && !ofAPod.test(path))
}

// Below these a pod may have chosen the last word, as with the context of an annotation.
const ofAPod = /\/(jobs|builds|steps|cache_registries)\//

// The agent's own limit for a whole exchange (agent: internal/agenthttp/client.go).
const exchangeTimeoutMs = 60_000

/** Sends calls upstream over kept connections, and tries again as the policy of the call says. */
export class Connection {
  readonly dispatcher: Dispatcher
  private readonly log: Log
  private readonly clock: Clock
  private readonly fence: Fence
  private readonly pool: Dispatcher
  private readonly metrics: Metrics | undefined

  constructor({ log, clock, dispatcher, fence = openFence(), metrics }: ConnectionOptions) {
    this.log = log
    this.clock = clock
    this.fence = fence
    this.pool =
      dispatcher ??
      new EnvHttpProxyAgent({
        headersTimeout: exchangeTimeoutMs,
        bodyTimeout: exchangeTimeoutMs,
        connect: { timeout: exchangeTimeoutMs },
      })
    this.metrics = metrics
    const pool = metrics?.upstream.watching(this.pool) ?? this.pool
    this.dispatcher = pool.compose(fence.interceptor(isFencedCall))
  }

  /**
   * The 2xx answer to a call. A call that only a process with a lease may make waits for it; that is no attempt.
   * @throws UpstreamError when a fault is final or the policy's attempts are used up.
   */
  async send(call: Call, policy: RetryPolicy, signal?: AbortSignal): Promise<Answer> {
    const [path = ''] = call.path.split('?')
    const guarded = isFencedCall({ method: call.method, path })
    for (let made = 1; ; made++) {
      if (guarded) await this.fence.pass(signal)
      try {
        return await this.attempt(call, signal)
      } catch (error) {
        signal?.throwIfAborted()
        if (!(error instanceof UpstreamError)) throw error
        if (isFenced(error)) {
          made--
          continue
        }
        const wait = nextTry(policy, made, error.fault, this.clock.random())
        if (wait === undefined) throw error
        this.log.debug(
          { err: error, attempt: made, ms: Math.round(wait) },
          'upstream call failed, trying again',
        )
        await this.clock.sleep(wait, signal)
        this.metrics?.upstream.retried(call.method, path)
      }
    }
  }

  async close(): Promise<void> {
    await this.pool.close()
  }

  private async attempt(call: Call, signal?: AbortSignal): Promise<Answer> {
    const what = `${call.method} ${call.path}`
    const { statusCode, headers, body } = await request(call.endpoint + call.path, {
      method: call.method,
      dispatcher: this.dispatcher,
      headers: headersOf(call),
      body: bodyOf(call.body),
      signal,
    }).catch((error: unknown) => {
      throw new UpstreamError(`${what}: ${messageOf(error)}`, { kind: 'network' }, { cause: error })
    })
    const text = await body.text().catch((error: unknown) => {
      throw new UpstreamError(
        `${what}: the answer broke off`,
        { kind: 'network' },
        { cause: error },
      )
    })
    if (statusCode < 500 && isPage(headers['content-type'], text)) {
      throw new UpstreamError(`${what}: ${statusCode}, with a page that is not upstream's`, {
        kind: 'undecodable',
      })
    }
    if (statusCode >= 200 && statusCode < 300) return { status: statusCode, body: json(text) }
    throw new UpstreamError(`${what}: ${statusCode}${said(text)}`, {
      kind: 'status',
      status: statusCode,
      retryAfterMs: retryAfterMs(headers['retry-after']),
    })
  }
}

/** Who we say we are: this program, and the agent whose protocol we speak. */
export const userAgent = `buildkite-job-spawner/${version} (buildkite-agent/${agentVersion}; ${process.platform}; ${process.arch})`

function headersOf(call: Call): Record<string, string> {
  const isJson = call.body !== undefined && !Buffer.isBuffer(call.body)
  return {
    ...call.requestHeaders,
    authorization: `Token ${call.token}`,
    'user-agent': userAgent,
    ...(isJson && { 'content-type': 'application/json' }),
    ...call.headers,
  }
}

function bodyOf(body: Call['body']): string | Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body
  return `${JSON.stringify(body)}\n`
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// Upstream's errors are {"message": …}; anything else (a proxy's page) is not worth a line.
function said(text: string): string {
  const { message } = (json(text) ?? {}) as { message?: unknown }
  return typeof message === 'string' ? ` ${message.slice(0, 300)}` : ''
}
