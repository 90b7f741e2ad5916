import {
  ResponseContext,
  wrapHttpLibrary,
  type HttpLibrary,
  type KubeConfig,
  type RequestContext,
} from '@kubernetes/client-node'
import type { Dispatcher } from 'undici'
import { steadily, type Clock } from '../clock.js'
import { FencedError, isFenced, openFence, type Fence, type FencedRequest } from '../fence.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { version } from '../version.js'
import { ClusterError, errorOfAnswer, errorOfNetwork, isClusterError } from './cluster-error.js'
import { Connections } from './connections.js'
import { jsonLines } from './json-lines.js'
import type { ServerClock } from './server-clock.js'

/** A request to the API server. `path` is below the server's URL. */
export interface ClusterRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Query
  /** Sent as JSON; that of a PATCH is a JSON merge patch. */
  body?: unknown
  signal?: AbortSignal
}

/** Values of a query string; those that are undefined are left out. */
export type Query = Record<string, string | number | boolean | undefined>

/** What a transport needs. Time-outs are in milliseconds. */
export interface TransportOptions {
  kubeConfig: KubeConfig
  log: Log
  clock: Clock
  /** Told what time it is at the server. */
  serverClock?: ServerClock
  /** Open while this process may write to Kubernetes; always, when it is left out. */
  fence?: Fence
  metrics?: Metrics
  headersTimeout?: number
  requestTimeout?: number
  connectTimeout?: number
}

interface Wire {
  method: string
  url: string
  headers: Record<string, string>
  body?: string
  signal?: AbortSignal
}

interface Answer {
  status: number
  headers: Record<string, string>
  body: Buffer
}

// By group and not by words: a namespace or a Job may be called `leases`.
const needsNoLease =
  /\/apis\/(coordination|authentication|authorization)\.k8s\.io\/[^/]+\/|\/api\/v1\/namespaces$/

/**
 * What no process without a lease may send: all that changes something, but for the lease itself and the namespace
 * that it lives in. A review is a question that is asked by POST.
 */
export function isFencedWrite({ method, path }: FencedRequest): boolean {
  return method !== 'GET' && !needsNoLease.test(path)
}

function isQuestion({ method, url }: Wire): boolean {
  return method === 'GET' || /\/(token|selfsubjectaccess)reviews$/.test(new URL(url).pathname)
}

// RFC 7396.
const mergePatch = 'application/merge-patch+json'

// Who the API server's audit log says that we are.
const userAgent = `job-spawner/${version}`

/**
 * HTTP to the API server over kept connections; client-node's own library makes a new one for each request. Every
 * failing answer and every network fault is a `ClusterError`. Certificates and tokens that change under us are noticed.
 */
export class Transport {
  /** The server's URL, without a slash at the end. */
  readonly server: string
  /** Host and port of the server, for messages. */
  readonly host: string
  /** For client-node's generated APIs. */
  readonly library: HttpLibrary
  readonly #log: Log
  readonly #clock: Clock
  readonly #serverClock: ServerClock | undefined
  readonly #timeouts: { headers: number; request: number }
  readonly #connections: Connections
  readonly #fence: Fence

  constructor(options: TransportOptions) {
    const { kubeConfig, log, clock, fence = openFence(), headersTimeout, requestTimeout } = options
    this.#fence = fence
    this.#connections = new Connections({
      config: kubeConfig,
      clock,
      connectTimeout: options.connectTimeout ?? 30_000,
      wrap: pool => {
        const watched = options.metrics?.kubernetes.watching(pool) ?? pool
        return watched.compose(fence.interceptor(isFencedWrite))
      },
    })
    this.server = this.#connections.server
    this.host = new URL(this.server).host
    this.#log = log
    this.#clock = clock
    this.#serverClock = options.serverClock
    this.#timeouts = { headers: headersTimeout ?? 30_000, request: requestTimeout ?? 60_000 }
    this.library = wrapHttpLibrary({ send: request => this.#sendContext(request) })
  }

  /** The answer's body as text. */
  async text(request: ClusterRequest): Promise<string> {
    return (await this.#send(this.#wire(request))).body.toString('utf8')
  }

  /** The answer's body, parsed. */
  async json(request: ClusterRequest): Promise<unknown> {
    const text = await this.text(request)
    try {
      return JSON.parse(text)
    } catch {
      const message = `the API server at ${this.host} answered with something that is not JSON`
      throw new ClusterError({ reason: 'MalformedAnswer', message })
    }
  }

  /**
   * Opens a watch: resolves when the API server has accepted it, to the values of its lines. The stream has no time-out
   * of its own; the signal ends it.
   */
  async streamLines(
    path: string,
    query: Query,
    signal: AbortSignal,
  ): Promise<AsyncIterable<unknown>> {
    const wire = this.#wire({ method: 'GET', path, query, signal })
    const answer = await this.#again(wire, () => this.#open(wire, 0))
    return this.#lines(answer.body, signal)
  }

  /** Ends all connections at once. */
  close(): Promise<void> {
    return this.#connections.close()
  }

  async *#lines(
    body: Dispatcher.ResponseData['body'],
    signal: AbortSignal,
  ): AsyncGenerator<unknown, void> {
    try {
      yield* jsonLines(body)
    } catch (error) {
      throw this.#fault(error, signal)
    } finally {
      body.destroy()
    }
  }

  #wire({ method, path, query = {}, body, signal }: ClusterRequest): Wire {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value))
    }
    const url = `${this.server}${path}${search.size > 0 ? `?${search.toString()}` : ''}`
    const headers: Record<string, string> = { accept: 'application/json' }
    if (body === undefined) return { method, url, headers, signal }
    headers['content-type'] = method === 'PATCH' ? mergePatch : 'application/json'
    return { method, url, headers, signal, body: JSON.stringify(body) }
  }

  async #sendContext(request: RequestContext): Promise<ResponseContext> {
    const body = request.getBody()
    const answer = await this.#send({
      method: request.getHttpMethod(),
      url: request.getUrl(),
      headers: request.getHeaders(),
      body: typeof body === 'string' ? body : undefined,
      signal: request.getSignal(),
    })
    return new ResponseContext(answer.status, answer.headers, {
      text: async () => answer.body.toString('utf8'),
      binary: async () => answer.body,
    })
  }

  // What a process without a lease may not send waits for it, not for its own deadline.
  async #send(wire: Wire): Promise<Answer> {
    const guarded = isFencedWrite({ method: wire.method, path: new URL(wire.url).pathname })
    for (;;) {
      if (guarded) await this.#fence.pass(wire.signal)
      try {
        return await this.#again(wire, () => this.#whole(wire))
      } catch (error) {
        if (!isFenced(error)) throw error
      }
    }
  }

  /**
   * One more try at once where it is safe and likely to help: with new credentials after a 401 (they may have been
   * rotated), and for a question whose kept connection the server closed as we used it.
   */
  async #again<T>(wire: Wire, once: () => Promise<T>): Promise<T> {
    try {
      return await once()
    } catch (error) {
      if (!isClusterError(error) || wire.signal?.aborted) throw error
      const closed = error.reason === 'UND_ERR_SOCKET' || error.reason === 'ECONNRESET'
      if (error.status !== 401 && !(closed && isQuestion(wire))) throw error
      return await once()
    }
  }

  async #whole(wire: Wire): Promise<Answer> {
    const deadline = new AbortController()
    const late = new ClusterError({
      reason: 'Timeout',
      message: `no answer from the API server at ${this.host} in ${this.#timeouts.request} ms`,
    })
    const timer = setTimeout(() => deadline.abort(late), this.#timeouts.request)
    const cancel = () => deadline.abort(wire.signal?.reason)
    wire.signal?.addEventListener('abort', cancel)
    if (wire.signal?.aborted) cancel()
    try {
      const signal = deadline.signal
      const answer = await this.#open({ ...wire, signal }, this.#timeouts.request)
      return { ...answer, body: Buffer.from(await answer.body.arrayBuffer()) }
    } catch (error) {
      throw this.#fault(error, deadline.signal)
    } finally {
      clearTimeout(timer)
      wire.signal?.removeEventListener('abort', cancel)
    }
  }

  /** Sends the request; resolves with the body still to be read when the status is a success. */
  async #open(wire: Wire, bodyTimeout: number) {
    const started = steadily(this.#clock)
    const { credentials, dispatcher } = await this.#connections.current()
    const { origin, pathname, search } = new URL(wire.url)
    try {
      const answer = await dispatcher.request({
        origin,
        path: pathname + search,
        method: wire.method,
        headers: { ...wire.headers, 'user-agent': userAgent, ...credentials.headers },
        body: wire.body,
        signal: wire.signal,
        headersTimeout: this.#timeouts.headers,
        bodyTimeout,
      })
      const { statusCode: status, headers, body } = answer
      const ms = steadily(this.#clock) - started
      this.#serverClock?.heard([headers['date']].flat()[0], ms)
      this.#log.debug({ method: wire.method, path: pathname, status, ms }, 'cluster answered')
      if (status === 401) this.#connections.renew(dispatcher)
      if (status >= 300) throw errorOfAnswer(status, headers, await body.text())
      return { status, headers: flat(headers), body }
    } catch (error) {
      throw this.#fault(error, wire.signal)
    }
  }

  /** What a caller who aborts gets is his own reason, and else a `ClusterError`. */
  #fault(error: unknown, signal: AbortSignal | undefined): unknown {
    if (isFenced(error)) return new FencedError()
    return signal?.aborted ? signal.reason : errorOfNetwork(error, this.host)
  }
}

function flat(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  )
}
