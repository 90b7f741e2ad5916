import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { messageOf } from '../../errors.js'
import { refusal, type ApiRequest, type ApiResponse } from './exchange.js'
import type { Faults, Trouble } from './faults.js'
import { route } from './routes.js'
import type { World } from './world.js'

/** A request that came, for tests and measurements. `status` 0: the connection was broken on purpose. */
export interface RequestRecord {
  at: number
  method: string
  path: string
  query: string
  status: number
  /** The agent whose session or job token it carried. */
  agent?: string
  /** The job whose token it carried. */
  job?: string
}

const keptRequests = 20_000

/** What the server works with. */
export interface Context {
  world: World
  faults: Faults
  /** Where each request is noted, the oldest dropped when there are many. */
  requests: RequestRecord[]
}

/** Makes the HTTP server of a world; not listening yet. */
export function httpServer(context: Context): Server {
  const server = createServer((incoming, outgoing) => {
    serve(context, incoming, outgoing).catch((error: unknown) => {
      // A client that goes away in the middle of its request is nobody's fault.
      if (!incoming.complete) return outgoing.destroy()
      context.world.violation(`the emulator failed: ${messageOf(error)}`)
      return outgoing.headersSent
        ? outgoing.destroy()
        : send(outgoing, refusal(500, 'internal error'))
    })
  })
  // Longer than clients keep a connection, so that none is closed under a request.
  server.keepAliveTimeout = 120_000
  server.requestTimeout = 0
  return server
}

async function serve(
  context: Context,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const { world, faults } = context
  const request = await readRequest(incoming)
  const record = noted(context, request)
  const fault = faults.take(request)
  if (fault?.delayMs !== undefined) await world.clock.sleep(fault.delayMs)
  if (fault?.reset === 'before') return cut(incoming)
  if (fault?.twice) await answerTo(world, request, fault)
  const response = await answerTo(world, request, fault)
  if (fault?.answerDelayMs !== undefined) await world.clock.sleep(fault.answerDelayMs)
  if (fault?.reset === 'after') return cut(incoming)
  record.status = response.status
  if (fault?.truncate) return sendHalf(outgoing, response)
  send(outgoing, response)
}

async function answerTo(
  world: World,
  request: ApiRequest,
  fault: Trouble | undefined,
): Promise<ApiResponse> {
  if (fault?.status !== undefined) {
    return { status: fault.status, headers: fault.headers, body: fault.body }
  }
  world.expire()
  return route(world, request)
}

function noted({ world, requests }: Context, request: ApiRequest): RequestRecord {
  const token = /^Token (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const holder = world.holders.get(token)
  const record: RequestRecord = {
    at: world.clock.now(),
    method: request.method,
    path: request.path,
    query: request.query.toString(),
    status: 0,
    ...(holder && holder.kind !== 'registration' ? { agent: holder.agent.id } : {}),
    ...(holder?.kind === 'job' ? { job: holder.job.id } : {}),
  }
  requests.push(record)
  if (requests.length > keptRequests) requests.splice(0, requests.length - keptRequests)
  return record
}

function cut(incoming: IncomingMessage): void {
  incoming.socket.destroy()
}

async function readRequest(incoming: IncomingMessage): Promise<ApiRequest> {
  const url = incoming.url ?? '/'
  const [path = '/', query = ''] = url.split('?', 2)
  const body = await buffer(incoming)
  return {
    method: incoming.method ?? 'GET',
    path,
    query: new URLSearchParams(query),
    headers: incoming.headers,
    body,
  }
}

function sendHalf(outgoing: ServerResponse, response: ApiResponse): void {
  const content = Buffer.from(contentOf(response))
  outgoing.writeHead(response.status, { 'content-length': content.length })
  outgoing.write(content.subarray(0, content.length / 2), () => outgoing.destroy())
}

function contentOf({ status, body }: ApiResponse): string | Buffer {
  if (status === 204) return ''
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body ?? {})
}

function send(outgoing: ServerResponse, response: ApiResponse): void {
  const { status, body } = response
  const content = contentOf(response)
  outgoing.writeHead(status, {
    'content-type': typeof body === 'string' ? 'text/plain' : 'application/json',
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(content) }),
    ...response.headers,
  })
  outgoing.end(content)
}
