import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import type { Clock } from '../../../lib/clock.js'
import {
  startEmulator,
  type Emulator,
  type EmulatorOptions,
} from '../../../lib/sandbox/buildkite/server.js'

/** The registration token of the tests. */
export const token = 'bkct_test'

/** An emulator that ends with the test. */
export async function emulator(t: Test, options: Partial<EmulatorOptions> = {}): Promise<Emulator> {
  const started = await startEmulator({ token, ...options })
  t.teardown(() => started.close())
  return started
}

/** A clock that moves only by hand. */
export interface HandClock extends Clock {
  advance(ms: number): void
}

/** Makes a clock that stands at a fixed time. */
export function handClock(): HandClock {
  let now = 1_700_000_000_000
  return {
    now: () => now,
    random: () => 0.5,
    sleep: async () => {},
    advance: ms => {
      now += ms
    },
  }
}

/** An answer, read. */
export interface Reply {
  status: number
  headers: Headers
  text: string
  body: Record<string, unknown>
}

interface Sending {
  token?: string
  json?: unknown
  headers?: Record<string, string>
  raw?: Buffer
}

/** Makes one call as an agent would write it. */
export async function call(
  emulator: Emulator,
  method: string,
  path: string,
  sending: Sending = {},
): Promise<Reply> {
  const url = path.startsWith('http') ? path : `${emulator.endpoint}${path}`
  const response = await fetch(url, {
    method,
    headers: {
      ...(sending.token === undefined ? {} : { authorization: `Token ${sending.token}` }),
      ...(sending.json === undefined ? {} : { 'content-type': 'application/json' }),
      ...sending.headers,
    },
    body: sending.json === undefined ? sending.raw : JSON.stringify(sending.json),
  })
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && text !== ''
  const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, headers: response.headers, text, body }
}

/** What the real agent sends to register. */
export const registration = {
  name: 'tester',
  hostname: 'here',
  os: 'ID=alpine',
  arch: 'amd64',
  script_eval_enabled: true,
  ignore_in_dispatches: false,
  version: '3.137.0',
  build: 'x',
  meta_data: ['queue=default'],
  features: [],
}

/** A registered and connected agent's session token. */
export async function connected(emulator: Emulator, fields: object = {}): Promise<string> {
  const registered = await call(emulator, 'POST', '/register', {
    token,
    json: { ...registration, ...fields },
  })
  const session = String(registered.body['access_token'])
  await call(emulator, 'POST', '/connect', { token: session })
  return session
}

/** A job in an agent's hands. */
export interface Held {
  id: string
  session: string
  jobToken: string
  payload: Record<string, unknown>
}

/** Pings and accepts: the job is accepted, not started. */
export async function accepted(emulator: Emulator, session?: string): Promise<Held> {
  const own = session ?? (await connected(emulator))
  const ping = await call(emulator, 'GET', '/ping', { token: own })
  const { id } = ping.body['job'] as { id: string }
  const { body } = await call(emulator, 'PUT', `/jobs/${id}/accept`, { token: own })
  return { id, session: own, jobToken: String(body['token']), payload: body }
}

/** A job that is started. */
export async function running(emulator: Emulator, session?: string): Promise<Held> {
  const held = await accepted(emulator, session)
  await start(emulator, held)
  return held
}

/** Starts a job. */
export async function start(emulator: Emulator, { id, jobToken }: Held): Promise<Reply> {
  const json = { started_at: '2026-08-21T08:13:20.000000001Z' }
  return call(emulator, 'PUT', `/jobs/${id}/start`, { token: jobToken, json })
}

/** Sends a chunk; `fields` replace parts of the query. */
export async function chunk(
  emulator: Emulator,
  { id, jobToken }: Held,
  text: string | Buffer,
  fields: { sequence: number; offset: number; size?: number },
): Promise<Reply> {
  const size = fields.size ?? Buffer.byteLength(text)
  const path = `/jobs/${id}/chunks?sequence=${fields.sequence}&offset=${fields.offset}&size=${size}`
  const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip' }
  return call(emulator, 'POST', path, { token: jobToken, headers, raw: gzipSync(text) })
}

/** Finishes a job; `fields` replace parts of the body. */
export async function finish(
  emulator: Emulator,
  { id, jobToken }: Held,
  fields: object = {},
): Promise<Reply> {
  const json = {
    exit_status: '0',
    finished_at: '2026-08-21T08:13:31.000000002Z',
    chunks_failed_count: 0,
    ...fields,
  }
  return call(emulator, 'PUT', `/jobs/${id}/finish`, { token: jobToken, json })
}

/** A call below `/jobs/<own job>` with the job token. */
export async function jobCall(
  emulator: Emulator,
  held: Held,
  method: string,
  path: string,
  json?: unknown,
): Promise<Reply> {
  return call(emulator, method, `/jobs/${held.id}${path}`, { token: held.jobToken, json })
}
