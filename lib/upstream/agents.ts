import { hostname, release, type } from 'node:os'
import { isProblem } from '../errors.js'
import { check } from '../schemas.js'
import type { AgentPing } from '../types/agent-ping.js'
import { agentVersion } from '../version.js'
import { UpstreamError, type Connection } from './connection.js'
import { policies, type RetryPolicy } from './retry.js'
import { nextRequestHeaders, type AgentSession } from './session.js'

/** What we register with; `token` is the cluster's agent token. */
export interface Registration {
  endpoint: string
  token: string
  name: string
  tags: readonly string[]
}

/**
 * `POST /register`: makes us one agent more. Every field that the real agent sends is sent, with its type.
 * @throws UpstreamError; Problem UPSTREAM_INVALID when the answer is no registration.
 */
export async function register(
  connection: Connection,
  { endpoint, token, name, tags }: Registration,
  { policy = policies.register, signal }: { policy?: RetryPolicy; signal?: AbortSignal } = {},
): Promise<AgentSession> {
  const body = {
    name,
    hostname: hostname(),
    os: `${type()} ${release()}`,
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    script_eval_enabled: true,
    ignore_in_dispatches: false,
    version: agentVersion,
    build: 'x',
    meta_data: tags,
    pid: process.pid,
    features: [],
  }
  const call = {
    method: 'POST',
    path: '/register',
    endpoint,
    token,
    requestHeaders: {},
    body,
  } as const
  const answer = await connection.send(call, policy, signal)
  const made = check('agent-registration', answer.body, blame('POST /register'))
  return {
    agentId: made.id,
    name: made.name,
    accessToken: made.access_token,
    endpoint: made.endpoint ? made.endpoint.replace(/\/+$/, '') : endpoint,
    requestHeaders: nextRequestHeaders({}, made.request_headers),
    pingInterval: made.ping_interval,
    jobStatusInterval: made.job_status_interval,
    heartbeatInterval: made.heartbeat_interval,
  }
}

/** `POST /connect`: the agent may be given jobs from now on. */
export async function connect(connection: Connection, session: AgentSession, signal?: AbortSignal) {
  await connection.send(agentCall(session, 'POST', '/connect'), policies.connect, signal)
}

/** `POST /disconnect`: the agent is gone, and the plan's place for it free; also when it was so before. */
export async function disconnect(
  connection: Connection,
  session: AgentSession,
  signal?: AbortSignal,
) {
  try {
    await connection.send(agentCall(session, 'POST', '/disconnect'), policies.disconnect, signal)
  } catch (error) {
    // The answer to an earlier try was lost: a session is over with the first that arrives.
    if (!(error instanceof UpstreamError && error.status === 401)) throw error
  }
}

/** `POST /heartbeat`. Upstream calls an agent lost after three minutes without one. */
export async function heartbeat(
  connection: Connection,
  session: AgentSession,
  { sentAt, signal }: { sentAt: Date; signal?: AbortSignal },
) {
  const call = {
    ...agentCall(session, 'POST', '/heartbeat'),
    body: { sent_at: sentAt.toISOString() },
  }
  await connection.send(call, policies.heartbeat, signal)
}

/**
 * `GET /ping`, once: what upstream wants of the agent, and the session with the headers and the endpoint that it now
 * asks for. A new endpoint is taken only when it answers a ping itself (agent-api §1.5).
 */
export async function ping(
  connection: Connection,
  session: AgentSession,
  signal?: AbortSignal,
): Promise<{ ping: AgentPing; session: AgentSession }> {
  const first = await pingOnce(connection, session, signal)
  const endpoint = first.ping.endpoint?.replace(/\/+$/, '')
  if (!endpoint || endpoint === session.endpoint) return first
  try {
    return await pingOnce(connection, { ...first.session, endpoint }, signal)
  } catch (error) {
    if (error instanceof UpstreamError || isProblem(error)) return first
    throw error
  }
}

async function pingOnce(connection: Connection, session: AgentSession, signal?: AbortSignal) {
  const answer = await connection.send(agentCall(session, 'GET', '/ping'), policies.ping, signal)
  const said = check('agent-ping', answer.body, blame('GET /ping'))
  const requestHeaders = nextRequestHeaders(session.requestHeaders, said.request_headers)
  return { ping: said, session: { ...session, requestHeaders } }
}

function agentCall(session: AgentSession, method: 'GET' | 'POST', path: string) {
  const { endpoint, accessToken: token, requestHeaders } = session
  return { method, path, endpoint, token, requestHeaders }
}

function blame(where: string) {
  return { code: 'UPSTREAM_INVALID', where, message: "upstream's answer can't be used" } as const
}
