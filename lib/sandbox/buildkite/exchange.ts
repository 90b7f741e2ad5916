import type { IncomingHttpHeaders } from 'node:http'
import type { AgentRecord, JobRecord } from './records.js'
import type { World } from './world.js'

/** A request as the handlers see it, whatever carried it. */
export interface ApiRequest {
  method: string
  /** The path without the query, as it came. */
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
}

/** An answer. A body that is neither a string nor a Buffer is sent as JSON. */
export interface ApiResponse {
  status: number
  headers?: Record<string, string>
  body?: unknown
}

/** What a handler is given. `job` of the path is looked up by the handler; `caller` is the job of the job token. */
export interface Call {
  world: World
  request: ApiRequest
  params: Record<string, string>
}

/** A call with a session token. */
export interface SessionCall extends Call {
  agent: AgentRecord
}

/** A call with a job token; `caller` is the job that the token belongs to. */
export interface JobCall extends Call {
  agent: AgentRecord
  caller: JobRecord
}

type Answer = ApiResponse | Promise<ApiResponse>

interface RouteBase {
  method: string
  /** The path with `:name` for a parameter; `*` at the end takes the rest. */
  path: string
}

/** One row of the route table. `late`: the handler itself judges calls whose job is over. */
export type Route =
  | (RouteBase & { token: 'none'; handle(call: Call): Answer })
  | (RouteBase & { token: 'registration'; handle(call: Call): Answer })
  | (RouteBase & { token: 'session'; unconnected?: boolean; handle(call: SessionCall): Answer })
  | (RouteBase & { token: 'job'; own?: boolean; late?: boolean; handle(call: JobCall): Answer })

/** A JSON answer, 200 unless said otherwise. */
export function answer(body: unknown = {}, status = 200): ApiResponse {
  return { status, body }
}

/** An error answer as Buildkite words them: `{"message": …}`. */
export function refusal(status: number, message: string): ApiResponse {
  return { status, body: { message } }
}

/** Notes a violation of the protocol, and refuses the call. */
export function violation(call: Call, status: number, message: string): ApiResponse {
  call.world.violation(`${call.request.method} ${call.request.path}: ${message}`)
  return refusal(status, message)
}

/** Whether the job still belongs to the token of the call: a job that went back to the queue gets a new one. */
export function holdsJob(call: JobCall): boolean {
  return call.request.headers.authorization === `Token ${call.caller.token}`
}

/** The parameters of a path that fits a pattern, decoded; nothing when it does not fit. */
export function pathParams(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const found = path.split('/')
  const open = wanted.at(-1) === '*'
  if (open ? found.length < wanted.length : found.length !== wanted.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    if (part === '*') break
    const value = decoded(found[index] ?? '')
    if (part.startsWith(':')) params[part.slice(1)] = value
    else if (part !== value) return undefined
  }
  return params
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

/** The body as a JSON object, or nothing. */
export function jsonBody(request: ApiRequest): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'))
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
