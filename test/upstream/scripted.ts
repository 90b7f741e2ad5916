import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { Clock } from '../../lib/clock.js'
import type { Fence } from '../../lib/fence.js'
import { silentLog } from '../../lib/log.js'
import { Connection } from '../../lib/upstream/connection.js'
import type { AgentSession, JobSession } from '../../lib/upstream/session.js'
import { HastyClock } from '../cluster-client/hand-clock.js'

/** A call that a scripted upstream got. */
export interface Got {
  method: string
  /** With the query. */
  path: string
  headers: IncomingMessage['headers']
  body: Buffer
  /** The body as JSON, or undefined. */
  json: unknown
}

/** What it answers: JSON unless `raw`; nothing when the answer function has dealt with the response itself. */
export interface Said {
  status?: number
  headers?: Record<string, string>
  json?: unknown
  raw?: string | Buffer
}

export type Script = (
  got: Got,
  response: ServerResponse,
) => Said | undefined | Promise<Said | undefined>

export interface Scripted {
  url: string
  /** The Agent API's base, as a session has it. */
  endpoint: string
  got: Got[]
  /** The calls so far, each as `METHOD /path` without its query. */
  calls(): string[]
}

interface Test {
  teardown(end: () => unknown): void
}

/** An upstream on a free port of 127.0.0.1 that answers as the script says. It ends with the test. */
export async function scripted(t: Test, script: Script): Promise<Scripted> {
  const got: Got[] = []
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy())
  })
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request)
    const { method = '', url: path = '', headers } = request
    const one = { method, path: path.replace(/^\/v3/, ''), headers, body, json: parsed(body) }
    got.push(one)
    const said = await script(one, response)
    if (said === undefined || response.destroyed) return
    const { status = 200, raw, json = {} } = said
    response.writeHead(status, { 'content-type': 'application/json', ...said.headers })
    response.end(raw ?? JSON.stringify(json))
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const calls = () => got.map(({ method, path }) => `${method} ${path.split('?')[0]}`)
  return { url, endpoint: `${url}/v3`, got, calls }
}

/** A connection that ends with the test; its waits are over at once. */
export function connection(t: Test, clock: Clock = new HastyClock(), fence?: Fence): Connection {
  const made = new Connection({ log: silentLog(), clock, fence })
  t.teardown(() => made.dispatcher.destroy())
  return made
}

/** An agent at that endpoint. */
export function agentAt(endpoint: string, more: Partial<AgentSession> = {}): AgentSession {
  return {
    agentId: 'agent-1',
    name: 'ci-1',
    accessToken: 'session-token',
    endpoint,
    requestHeaders: {},
    pingInterval: 10,
    jobStatusInterval: 5,
    heartbeatInterval: 60,
    ...more,
  }
}

/** A job at that endpoint. */
export function jobAt(endpoint: string, more: Partial<JobSession> = {}): JobSession {
  return { jobId: 'job-1', token: 'job-token', endpoint, requestHeaders: {}, ...more }
}

/** A URL where nobody listens. */
export async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}/v3`
}

/** What a promise is rejected with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (outcome instanceof Error) return outcome
  throw new Error('no failure')
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
