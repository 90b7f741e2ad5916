import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { Agent } from 'undici'
import { credential, type CredentialKind } from '../../lib/gateway/credentials.js'
import type { FinishOutcome, GatewayRun, PodFinish } from '../../lib/gateway/gateway-run.js'
import { Gateway } from '../../lib/gateway/server.js'
import { silentLog } from '../../lib/log.js'
import { HandClock } from '../cluster-client/hand-clock.js'

interface Test {
  teardown(end: () => unknown): void
}

/** The run that the tests' pods belong to; what it was told stands in `told`. */
export class FakeRun implements GatewayRun {
  readonly jobId = '01890000-0000-4000-8000-000000000001'
  readonly secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ'
  readonly payload = {
    id: this.jobId,
    env: { BUILDKITE_AGENT_NAME: 'ci-1' },
    token: 'real-job-token',
    endpoint: 'https://upstream.example/v3',
    chunks_max_size_bytes: 1024,
    unknown_field: true,
  }
  over = false
  acquirable = true
  outcome: FinishOutcome = { state: 'done' }
  openingEnd = { sequence: 2, offset: 80 }
  readonly told: unknown[] = []

  constructor(private readonly endpoint: string) {}

  upstream() {
    const requestHeaders = { 'Buildkite-Shard': '7' }
    return { jobId: this.jobId, token: 'real-job-token', endpoint: this.endpoint, requestHeaders }
  }
  podConnected(pod: { hostname: string }): void {
    this.told.push(['connected', pod.hostname])
  }
  podStarted(): void {
    this.told.push(['started'])
  }
  async opening() {
    return this.openingEnd
  }
  chunkSent(chunk: object): void {
    this.told.push(['chunk', chunk])
  }
  stateSeen(state: string): void {
    this.told.push(['state', state])
  }
  async finishFromPod(finish: PodFinish) {
    this.told.push(['finish', finish])
    return this.outcome
  }
}

/** An answer of the gateway's. */
export interface Answered {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  json: Record<string, unknown>
}

interface Sent {
  /** The kind of a token of the run's, or the whole header. */
  token?: string
  json?: object
  body?: Buffer
  headers?: Record<string, string>
}

/** A gateway on a free port with one run, whose upstream is at `endpoint`. It ends with the test. */
export async function gatewayOf(t: Test, endpoint: string) {
  const run = new FakeRun(endpoint)
  const state = { ready: true, why: undefined as string | undefined }
  const dispatcher = new Agent()
  const gateway = new Gateway({
    listen: { host: '127.0.0.1', port: 0 },
    dispatcher,
    log: silentLog(),
    clock: new HandClock(),
    find: jobId => (jobId === run.jobId ? run : undefined),
    ready: () => state.ready,
    unready: () => state.why,
  })
  const port = await gateway.listen()
  t.teardown(async () => {
    await dispatcher.destroy()
    await gateway.close()
  })
  const authorization = (token: string) =>
    ['register', 'session', 'job'].includes(token)
      ? `Token ${credential(token as CredentialKind, run)}`
      : token
  // Not fetch: it would tidy the path up.
  const call = (method: string, path: string, sent: Sent = {}): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const body = sent.json ? Buffer.from(JSON.stringify(sent.json)) : sent.body
      const headers = {
        ...(sent.token !== undefined && { authorization: authorization(sent.token) }),
        ...(sent.json && { 'content-type': 'application/json' }),
        ...(body && { 'content-length': body.length }),
        ...sent.headers,
      }
      const outgoing = httpRequest({ host: '127.0.0.1', port, method, path, headers }, incoming => {
        buffer(incoming).then(got => {
          const { statusCode: status = 0, headers: answered } = incoming
          resolve({ status, headers: answered, body: got, json: jsonOf(got) })
        }, reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
  return { gateway, run, state, port, call, job: `/v3/jobs/${run.jobId}`, authorization }
}

function jsonOf(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
