import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

export interface Call {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Buffer
  /** `METHOD path`, without the prefix and the job's id. */
  name: string
}

export interface Chunk {
  sequence: number
  offset: number
  size: number
  text: Buffer
}

export type Handler = (
  call: Call,
) => { status: number; json?: unknown; headers?: Record<string, string> } | undefined

/** A gateway that answers well, records every call, and can be told to answer otherwise. */
export interface FakeGateway {
  url: string
  calls: Call[]
  chunks: Chunk[]
  /** What jobs are told by a state poll. */
  state: { job: string }
  job: Record<string, unknown>
  /** The log so far, without time markers; fails when the chunks do not join. */
  log(): string
  names(): string[]
  json(name: string): Record<string, unknown>
  answerWith(handler: Handler): void
  /** Resolves when such a call was made. */
  seen(name: string): Promise<void>
  /** Resolves when the log has that in it. */
  logged(text: string): Promise<void>
  close(): Promise<void>
}

export const jobId = '0190aaaa-1111-4222-8333-444455556666'

export async function fakeGateway(jobEnv: Record<string, string> = {}): Promise<FakeGateway> {
  const calls: Call[] = []
  const chunks: Chunk[] = []
  const state = { job: 'running' }
  const handlers: Handler[] = []
  const waiting = new Set<() => void>()
  const job = {
    id: jobId,
    env: {
      BUILDKITE_JOB_ID: jobId,
      BUILDKITE_BUILD_ID: 'build-1',
      BUILDKITE_STEP_ID: 'step-1',
      BUILDKITE_REPO: '',
      BUILDKITE_COMMIT: 'HEAD',
      BUILDKITE_BRANCH: 'main',
      ...jobEnv,
    },
    chunks_max_size_bytes: 100_000,
    chunks_interval_seconds: 1,
    token: 'job-token',
  }
  const usual = (call: Call): unknown => {
    if (call.name === 'POST register') {
      return {
        id: 'agent-1',
        name: 'fake',
        access_token: 'session-token',
        endpoint: '',
        request_headers: {},
        ping_interval: 1,
        job_status_interval: 1,
        heartbeat_interval: 30,
        meta_data: [],
      }
    }
    if (call.name === 'PUT acquire') return job
    if (call.name === 'GET state') return { state: state.job }
    return {}
  }
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part)
    const url = new URL(request.url ?? '/', 'http://gateway')
    const path = url.pathname.replace('/v3/', '')
    const short = path === `jobs/${jobId}` ? 'state' : path.replace(`jobs/${jobId}/`, '')
    const method = request.method ?? ''
    const body = Buffer.concat(parts)
    const name = `${method} ${short}`
    const call = { method, path, query: url.searchParams, headers: request.headers, body, name }
    calls.push(call)
    const special = handlers.map(handler => handler(call)).find(answer => answer !== undefined)
    if (!special && name === 'POST chunks') {
      const [sequence = 0, offset = 0, size = 0] = ['sequence', 'offset', 'size'].map(key =>
        Number(url.searchParams.get(key)),
      )
      chunks.push({ sequence, offset, size, text: gunzipSync(body) })
    }
    for (const wake of waiting) wake()
    const { status, json, headers } = special ?? { status: 200, json: usual(call), headers: {} }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(json ?? {}))
  }
  const server = createServer((request, response) => void serve(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const until = (holds: () => boolean) =>
    new Promise<void>(resolve => {
      const look = () => {
        if (!holds()) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  const log = () => {
    const sorted = chunks.toSorted((a, b) => a.sequence - b.sequence)
    let end = 0
    for (const [i, chunk] of sorted.entries()) {
      if (chunk.sequence !== i + 1) throw new Error(`chunk ${i + 1} is missing`)
      if (chunk.offset !== end || chunk.size !== chunk.text.length)
        throw new Error('chunks do not join')
      end += chunk.size
    }
    const text = Buffer.concat(sorted.map(chunk => chunk.text)).toString()
    return text.replaceAll(/\u001B_bk;t=\d+\u0007/g, '')
  }
  const joined = () => {
    try {
      return log()
    } catch {
      return ''
    }
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`,
    calls,
    chunks,
    state,
    job,
    log,
    names: () => calls.map(call => call.name),
    json: name => {
      const text = calls.findLast(call => call.name === name)?.body.toString() ?? '{}'
      return JSON.parse(text) as Record<string, unknown>
    },
    answerWith: handler => void handlers.push(handler),
    seen: name => until(() => calls.some(call => call.name === name)),
    logged: text => until(() => joined().includes(text)),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
