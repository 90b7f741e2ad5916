import { gzipSync } from 'node:zlib'
import { check } from '../schemas.js'
import type { AgentJob } from '../types/agent-job.js'
import type { Connection } from './connection.js'
import { policies, type RetryPolicy } from './retry.js'
import type { AgentSession, JobSession } from './session.js'

/** How a job ended, in the words of `PUT /jobs/:id/finish`. */
export interface Finish {
  /** A whole number as text; may be negative. */
  exit_status: string
  signal?: string
  /** One of upstream's own enum (agent-api §5.4): nothing is to be invented here. */
  signal_reason?: 'agent_refused' | 'agent_stop' | 'cancel' | 'process_run_error' | 'stack_error'
  /** RFC 3339. */
  finished_at: string
  chunks_failed_count: number
}

/** A piece of the log: its number from 1, its place and its length in uncompressed bytes. */
export interface Chunk {
  sequence: number
  offset: number
  text: Buffer
}

/**
 * `PUT /jobs/:id/accept`, with the session token: the whole job, and the job token.
 * @throws UpstreamError on any HTTP status that is no 2xx: the next ping tells what became of the job.
 */
export async function accept(
  connection: Connection,
  session: AgentSession,
  { jobId, signal }: { jobId: string; signal?: AbortSignal },
): Promise<AgentJob> {
  const { endpoint, accessToken: token, requestHeaders } = session
  const path = `${jobPath(jobId)}/accept`
  const call = { method: 'PUT', path, endpoint, token, requestHeaders } as const
  const answer = await connection.send(call, policies.accept, signal)
  return check('agent-job', answer.body, {
    code: 'UPSTREAM_INVALID',
    where: `PUT ${path}`,
    message: "the accepted job can't be used",
  })
}

/** `PUT /jobs/:id/start`: about 30 s after accept at the latest, or the job goes to somebody else. */
export async function start(
  connection: Connection,
  job: JobSession,
  { startedAt, signal }: { startedAt: Date; signal?: AbortSignal },
) {
  const body = { started_at: startedAt.toISOString() }
  await connection.send({ ...jobCall(job, 'PUT', '/start'), body }, policies.start, signal)
}

/** `POST /jobs/:id/chunks`. Sending the same chunk again is harmless. */
export async function uploadChunk(
  connection: Connection,
  job: JobSession,
  chunk: Chunk,
  signal?: AbortSignal,
) {
  const query = `?sequence=${chunk.sequence}&offset=${chunk.offset}&size=${chunk.text.length}`
  const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' }
  const call = { ...jobCall(job, 'POST', `/chunks${query}`), headers, body: gzipSync(chunk.text) }
  await connection.send(call, policies.chunk, signal)
}

/** `GET /jobs/:id`, once: the job's state, such as `running` or `canceling`. */
export async function jobState(
  connection: Connection,
  job: JobSession,
  signal?: AbortSignal,
): Promise<string> {
  const answer = await connection.send(jobCall(job, 'GET', ''), policies.state, signal)
  const blame = {
    code: 'UPSTREAM_INVALID',
    where: 'GET /jobs/:id',
    message: "upstream's answer can't be used",
  } as const
  return check('job-state', answer.body, blame).state
}

/** `PUT /jobs/:id/finish`: the job's last call; its token is dead afterwards. A pod's own body is passed on as it is. */
export async function finish(
  connection: Connection,
  job: JobSession,
  body: object,
  { policy = policies.finish, signal }: { policy?: RetryPolicy; signal?: AbortSignal } = {},
) {
  await connection.send({ ...jobCall(job, 'PUT', '/finish'), body }, policy, signal)
}

/** `POST /jobs/:id/annotations`: a note on the build's page, for causes that can't go into the log any more. */
export async function annotate(
  connection: Connection,
  job: JobSession,
  { text, signal }: { text: string; signal?: AbortSignal },
) {
  const body = { body: text, style: 'error', context: `job-spawner-${job.jobId}` }
  await connection.send(
    { ...jobCall(job, 'POST', '/annotations'), body },
    policies.annotate,
    signal,
  )
}

/** The path of a job, its id escaped as the agent escapes it. */
export function jobPath(jobId: string): string {
  return `/jobs/${encodeURIComponent(jobId).replaceAll('.', '%2E')}`
}

function jobCall(job: JobSession, method: 'GET' | 'POST' | 'PUT', rest: string) {
  const { endpoint, token, requestHeaders } = job
  return { method, path: `${jobPath(job.jobId)}${rest}`, endpoint, token, requestHeaders }
}
