import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messageOf, Problem } from '../errors.js'
import { answer, answerWithoutRun } from './answers.js'
import { claim, proves } from './credentials.js'
import { forward } from './forward.js'
import type { GatewayRun } from './gateway-run.js'
import { later, reply } from './reply.js'
import type { GatewayOptions, PodCall } from './pod-call.js'
import { matchRoute, type Match } from './routes.js'

const prefix = '/v3'

// Longer than the 90 s for which Go's client keeps an idle connection, so that the client is the one to close it.
const keepAliveMs = 120_000

/** The Agent API as the pods' agents see it: /v3 for their calls, /healthz and /readyz for the kubelet's. */
export class Gateway {
  private readonly server: Server
  private closing = false

  constructor(private readonly options: GatewayOptions) {
    this.server = createServer((request, response) => {
      // A kept connection that was busy when we closed is idle now.
      response.once('close', () =>
        setImmediate(() => this.closing && this.server.closeIdleConnections()),
      )
      this.handle(request, response).catch((error: unknown) => this.failed(error, response))
    })
    this.server.keepAliveTimeout = keepAliveMs
    this.server.headersTimeout = keepAliveMs + 10_000
    this.server.requestTimeout = 0
  }

  /** Listens; the port that it got. @throws Problem GATEWAY_LISTEN. */
  async listen(): Promise<number> {
    const { host, port } = this.options.listen
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject)
      this.server.listen(port, host, resolve)
    }).catch((error: unknown) => {
      throw new Problem('GATEWAY_LISTEN', "the gateway can't listen", {
        where: `--gateway-listen ${host}:${port}`,
        wanted: 'a free port and an address of this machine',
        found: messageOf(error),
        hint: 'is another job-spawner running? choose another port',
      })
    })
    return (this.server.address() as AddressInfo).port
  }

  /** Takes no new connection and resolves when the last call has been answered, or after two seconds. */
  async close(): Promise<void> {
    this.closing = true
    const cut = setTimeout(() => this.server.closeAllConnections(), 2_000)
    await new Promise<void>(resolve => {
      this.server.close(() => resolve())
      this.server.closeIdleConnections()
    })
    clearTimeout(cut)
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(`http://gateway${pathOf(request)}`)
    this.trace(request, response, url.pathname)
    if (url.pathname === '/healthz') return reply(response, 200, { status: 'ok' })
    if (url.pathname === '/readyz') return this.readyz(response)
    const below = url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : ''
    const match = matchRoute(request.method ?? 'GET', below)
    // The streaming ping at the host's root lands here too: 404 makes the agent fall back to polling for good.
    if (!match) return reply(response, 404, { message: 'no such route' })
    if (!this.options.ready()) return later(response, 'the job spawner is starting')
    await this.serve(request, response, {
      match,
      target: below + url.search,
      query: url.searchParams,
    })
  }

  private async serve(
    request: IncomingMessage,
    response: ServerResponse,
    { match, target, query }: { match: Match; target: string; query: URLSearchParams },
  ): Promise<void> {
    const claimed = claim(request.headers.authorization)
    const run = claimed && this.options.find(claimed.jobId)
    if (!claimed || !run) return answerWithoutRun(match.route.action, response)
    const { route, jobId } = match
    if (!proves(claimed, run.secret) || claimed.kind !== route.credential) {
      this.refused(match, run, 'wrong credential')
      return reply(response, 401, { message: 'this token is not good for that' })
    }
    if (route.own && jobId !== run.jobId) {
      this.refused(match, run, "another job's path")
      return reply(response, 403, { message: "this token is another job's" })
    }
    if (route.action === 'refuse') {
      this.refused(match, run, route.why)
      return reply(response, 403, { message: route.why })
    }
    const call: PodCall = { request, response, match, run, target, query }
    if (route.action === 'forward') await forward(call, this.options)
    else await answer[route.action](call, this.options)
  }

  private trace({ method }: IncomingMessage, response: ServerResponse, path: string): void {
    const { log, clock } = this.options
    if (!log.isLevelEnabled('debug')) return
    const from = clock.now()
    response.once('close', () =>
      log.debug(
        { method, path, status: response.statusCode, ms: clock.now() - from },
        'pod answered',
      ),
    )
  }

  private refused(match: Match, run: GatewayRun, why: string | undefined): void {
    this.options.log.warn({ job: run.jobId, route: match.route.action, why }, 'call refused')
  }

  private readyz(response: ServerResponse): void {
    const why = this.options.unready()
    reply(response, why === undefined ? 200 : 503, { status: why ?? 'ok' })
  }

  // A bug of ours is a passing fault to the pod: a 4xx would lose its log or cancel its job.
  private failed(error: unknown, response: ServerResponse): void {
    this.options.log.error({ err: error }, 'gateway call failed')
    if (response.headersSent) response.destroy()
    else later(response, 'the gateway failed')
  }
}

// Only the usual form, a path: anything else (an absolute URL, as for a proxy) is no route of ours.
function pathOf({ url = '' }: IncomingMessage): string {
  return url.startsWith('/') ? url : '/'
}
