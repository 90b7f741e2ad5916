import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { steadily } from '../clock.js'
import { isFenced } from '../fence.js'
import { listenAt } from '../listening.js'
import { plainAddress } from './address.js'
import { Audit } from './audit.js'
import { Crowd } from './crowd.js'
import { Hold } from './hold.js'
import { gatewayLimits, type GatewayLimits } from './limits.js'
import type { GatewayOptions, GatewayParts } from './pod-call.js'
import { elsewhere, later, reply } from './reply.js'
import { Reviews } from './reviews.js'
import { matchRoute } from './routes.js'
import { serve } from './serve.js'
import { UpstreamHealth } from './upstream-health.js'

const prefix = '/v3'
// What is under way when the gateway closes has so long to end.
const closeMs = 2_000

/** The Agent API as the pods' agents see it: /v3 for their calls, /healthz, /warmz and /readyz for the kubelet's. */
export class Gateway {
  private readonly server: Server
  private readonly parts: GatewayParts
  private readonly underWay = new Set<Promise<void>>()
  private leaving = false
  private closing = false

  constructor(private readonly options: GatewayOptions) {
    this.parts = partsOf(options)
    const { limits } = this.parts
    this.server = createServer({ maxHeaderSize: limits.headerBytes }, (request, response) =>
      this.take(request, response),
    )
    guard(this.server, this.parts)
  }

  /** Listens; the port that it got. @throws Problem GATEWAY_LISTEN. */
  async listen(): Promise<number> {
    return listenAt(this.server, this.options.listen, {
      code: 'GATEWAY_LISTEN',
      message: "the gateway can't listen",
      flag: '--gateway-listen',
    })
  }

  /**
   * Nothing new goes upstream from now on: calls that wait and those that come are to ask again, over a new connection.
   * Resolves when what is under way has ended, or after `ms`.
   */
  async quiesce(ms: number): Promise<void> {
    this.leaving = true
    this.parts.hold.close()
    let timer: NodeJS.Timeout | undefined
    const enough = new Promise<void>(resolve => (timer = setTimeout(resolve, ms)))
    await Promise.race([Promise.allSettled([...this.underWay]), enough])
    clearTimeout(timer)
  }

  /** Takes no new connection and resolves when the last call has been answered, or after two seconds. */
  async close(): Promise<void> {
    this.leaving = true
    this.closing = true
    this.parts.hold.close()
    const cut = setTimeout(() => this.server.closeAllConnections(), closeMs)
    await new Promise<void>(resolve => {
      this.server.close(() => resolve())
      this.server.closeIdleConnections()
    })
    clearTimeout(cut)
  }

  /** How many calls wait. */
  get held(): number {
    return this.parts.hold.size
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    request.on('error', () => undefined)
    // An answer that is streamed is listened to by the pipeline's parts as well as by ours.
    response.setMaxListeners(30)
    response.once('finish', () => drain(request, this.parts.limits))
    // A kept connection that was busy when we closed is idle now.
    response.once('close', () =>
      setImmediate(() => this.closing && this.server.closeIdleConnections()),
    )
    const handling = this.handle(request, response).catch((error: unknown) =>
      this.failed(error, request, response),
    )
    this.underWay.add(handling)
    void handling.then(() => this.underWay.delete(handling))
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request
    const [path = ''] = url.split('?')
    this.trace(request, response, path)
    this.measure(request, response, path)
    if (path === '/healthz') return reply(response, 200, { status: 'ok' })
    if (path === '/warmz') return report(response, this.options.cold())
    if (path === '/readyz') return report(response, this.unready())
    if (this.leaving && path.startsWith(prefix)) {
      const { drainMs } = this.parts.limits
      return elsewhere({ request, response }, { message: 'the job spawner is stopping', drainMs })
    }
    const target = url.startsWith(`${prefix}/`) ? url.slice(prefix.length) : undefined
    await serve({ request, response, target }, this.parts)
  }

  private measure({ method = 'GET' }: IncomingMessage, response: ServerResponse, path: string) {
    const { metrics } = this.options
    if (!metrics || !path.startsWith(prefix)) return
    metrics.gateway.began(response, matchRoute(method, path.slice(prefix.length))?.route.action)
  }

  private trace({ method }: IncomingMessage, response: ServerResponse, path: string): void {
    const { log, clock } = this.options
    if (!log.isLevelEnabled('debug')) return
    const from = steadily(clock)
    response.once('close', () =>
      log.debug(
        { method, path, status: response.statusCode, ms: steadily(clock) - from },
        'pod answered',
      ),
    )
  }

  /** Why pods are not to be led here, when they are not: what /readyz says. */
  unready(): string | undefined {
    const state = this.options.state()
    if (this.leaving) return 'stopping'
    return state === 'leading' ? undefined : state
  }

  // A bug of ours is a passing fault to the pod: a 4xx would lose its log or cancel its job.
  private failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    const { log } = this.options
    if (request.destroyed && !request.complete) log.debug({ err: error }, 'pod went away')
    else if (isFenced(error)) log.warn('a call of a pod met a closed fence')
    else log.error({ err: error }, 'gateway call failed')
    if (response.headersSent) response.destroy()
    else later(response, 'the gateway failed')
  }
}

function partsOf(options: GatewayOptions): GatewayParts {
  const limits = { ...gatewayLimits, ...options.limits }
  const { log, clock, identify, metrics } = options
  return {
    options,
    limits,
    audit: new Audit(log, clock, metrics),
    hold: new Hold(clock, limits),
    crowd: new Crowd(limits.callsPerPod),
    reviews: new Reviews(identify, clock),
    places: new WeakMap(),
    reviewers: new Crowd(limits.reviews),
    health: new UpstreamHealth(clock),
  }
}

// What comes over a connection and is no call: none of it is an agent's.
function guard(server: Server, { limits, audit }: GatewayParts): void {
  server.keepAliveTimeout = limits.idleMs
  server.timeout = limits.idleMs
  server.headersTimeout = limits.headersMs
  server.requestTimeout = 0
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { code = '' } = error
    // Go's client takes a 408 that crosses its next call for the answer to that: so nothing is said.
    if (!code.startsWith('HPE_') || !socket.writable) return void socket.destroy()
    audit.broken(plainAddress(socket.remoteAddress ?? ''), `no HTTP request (${code})`)
    const status =
      code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  })
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    audit.refused({ request, why: 'the gateway is no proxy' })
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
}

// The rest of a body whose call was answered before it ended, so that the connection can be used again.
function drain(request: IncomingMessage, { drainMs }: GatewayLimits): void {
  if (request.complete) return void request.resume()
  request.resume()
  const cut = setTimeout(() => request.socket.destroy(), drainMs).unref()
  request.once('close', () => clearTimeout(cut))
}

function report(response: ServerResponse, why: string | undefined): void {
  reply(response, why === undefined ? 200 : 503, { status: why ?? 'ok' })
}
