import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { ListenAddress } from '../config/formats.js'
import { listenAt } from '../listening.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { statusPage } from './page.js'
import type { StatusSource } from './status.js'
import { wantsJson } from './wants-json.js'

/** What the server of the status is made of. */
export interface StatusServerOptions {
  listen: ListenAddress
  source: StatusSource
  metrics: Metrics
  /** What /readyz says: undefined when pods may be led here, else why not; the gateway's `unready`. */
  unready: () => string | undefined
  log: Log
}

interface Answer {
  status: number
  type: string
  text: string
  headers?: Record<string, string>
}

const plain = 'text/plain; charset=utf-8'
const json = 'application/json; charset=utf-8'

// Nothing of it is to be kept, framed, guessed at, or told to the pages that it links to.
const guards = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

// A call here has no body and is answered at once.
const callMs = 10_000
// Prometheus asks every 15 to 60 seconds over one connection.
const idleMs = 90_000
const mostConnections = 100

/** /metrics, /healthz, /readyz and /status, on a port of their own that pods need not reach. It only tells. */
export class StatusServer {
  private readonly server: Server

  constructor(private readonly options: StatusServerOptions) {
    this.server = createServer((request, response) => void this.take(request, response))
    this.server.headersTimeout = callMs
    this.server.requestTimeout = callMs
    this.server.keepAliveTimeout = idleMs
    this.server.maxConnections = mostConnections
  }

  /** Listens; the port that it got. @throws Problem METRICS_LISTEN. */
  async listen(): Promise<number> {
    return listenAt(this.server, this.options.listen, {
      code: 'METRICS_LISTEN',
      message: "the metrics can't be served",
      flag: '--metrics-listen',
    })
  }

  /** Ends at once: who asks now asks again elsewhere. */
  async close(): Promise<void> {
    await new Promise<void>(resolve => {
      this.server.close(() => resolve())
      this.server.closeAllConnections()
    })
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume()
    const answer = await this.answer(request).catch((error: unknown) => {
      this.options.log.error({ err: error }, 'status not told')
      return { status: 500, type: plain, text: 'the status can not be told\n' }
    })
    send(response, answer)
  }

  private async answer({ method, url = '', headers }: IncomingMessage): Promise<Answer> {
    const [path = '', search = ''] = url.split('?')
    const tell = this.tellers.get(path)
    if (!tell) return { status: 404, type: plain, text: `there is ${known} here\n` }
    if (method !== 'GET' && method !== 'HEAD') {
      const allow = { allow: 'GET, HEAD' }
      return { status: 405, type: plain, text: 'GET or HEAD\n', headers: allow }
    }
    return tell(new URLSearchParams(search), headers.accept)
  }

  private readonly tellers = new Map<
    string,
    (query: URLSearchParams, accept: string | undefined) => Answer | Promise<Answer>
  >([
    ['/', () => ({ status: 302, type: plain, text: '', headers: { location: '/status' } })],
    // That it is answered at all says that the event loop turns: nothing else is to get a process killed.
    ['/healthz', () => report(undefined)],
    ['/readyz', () => report(this.options.unready())],
    ['/metrics', () => this.metrics()],
    ['/status', (query, accept) => this.status(query, accept)],
  ])

  private async metrics(): Promise<Answer> {
    const { metrics } = this.options
    return { status: 200, type: metrics.contentType, text: await metrics.text() }
  }

  private status(query: URLSearchParams, accept: string | undefined): Answer {
    const snapshot = this.options.source.snapshot()
    const asJson = query.has('format') ? query.get('format') === 'json' : wantsJson(accept)
    const headers = { vary: 'accept' }
    return asJson
      ? { status: 200, type: json, text: `${JSON.stringify(snapshot)}\n`, headers }
      : {
          status: 200,
          type: 'text/html; charset=utf-8',
          text: statusPage(snapshot, { all: query.has('all') }),
          headers,
        }
  }
}

const known = '/status, /metrics, /healthz and /readyz'

function report(why: string | undefined): Answer {
  const text = `${JSON.stringify({ status: why ?? 'ok' })}\n`
  return { status: why === undefined ? 200 : 503, type: json, text }
}

function send(response: ServerResponse, { status, type, text, headers }: Answer): void {
  if (response.destroyed) return
  response.writeHead(status, {
    ...guards,
    ...headers,
    'content-type': type,
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}
