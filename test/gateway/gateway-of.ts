import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { pino } from 'pino'
import { Agent } from 'undici'
import { Fence, openFence } from '../../lib/fence.js'
import { credential, type CredentialKind } from '../../lib/gateway/credentials.js'
import type { FinishOutcome, GatewayRun, PodFinish } from '../../lib/gateway/gateway-run.js'
import type { GatewayOptions, GatewayState } from '../../lib/gateway/pod-call.js'
import { Gateway } from '../../lib/gateway/server.js'
import type { ChunkNumbers } from '../../lib/gateway/splice.js'
import { isFencedCall } from '../../lib/upstream/connection.js'
import { HandClock } from '../cluster-client/hand-clock.js'

interface Test {
  teardown(end: () => unknown): void
}

export const podUid = '0a890000-0000-4000-8000-00000000000a'
export const ownBuild = '02890000-0000-4000-8000-000000000001'
export const ownStep = '03890000-0000-4000-8000-000000000001'

/** The run that the tests' pods belong to; what it was told stands in `told`. */
export class FakeRun implements GatewayRun {
  readonly payload
  readonly secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ'
  over = false
  acquirable = true
  outcome: FinishOutcome = { state: 'done' }
  openingEnd = { sequence: 2, offset: 80 }
  bind: () => Promise<'bound' | 'taken' | 'over'> = async () => 'bound'
  /** The pod that has the run. */
  uid = podUid
  readonly told: unknown[] = []
  /** Proved calls of its pod's. */
  calls = 0
  answered = 0
  /** What its pod is writing now, and what it was told to come again with. */
  readonly writing = new Set<string>()
  readonly comesAgain = new Set<string>()

  constructor(
    private readonly endpoint: string,
    readonly jobId = '01890000-0000-4000-8000-000000000001',
  ) {
    this.payload = {
      id: jobId,
      env: {
        BUILDKITE_AGENT_NAME: 'ci-1',
        BUILDKITE_BUILD_ID: ownBuild,
        BUILDKITE_STEP_ID: ownStep,
      } as Record<string, string>,
      token: 'real-job-token',
      endpoint: 'https://upstream.example/v3',
      chunks_max_size_bytes: 1024,
      unknown_field: true,
    }
  }

  upstream() {
    const requestHeaders = { 'Buildkite-Shard': '7' }
    return { jobId: this.jobId, token: 'real-job-token', endpoint: this.endpoint, requestHeaders }
  }
  bindPod(pod: { uid: string }) {
    this.told.push(['bind', pod.uid])
    return this.bind()
  }
  isPod(uid: string): boolean {
    return uid === this.uid
  }
  podCalled(): () => void {
    this.calls += 1
    return () => (this.answered += 1)
  }
  podWrites(what: string) {
    this.writing.add(what)
    return (comesAgain: boolean): void => {
      this.writing.delete(what)
      if (comesAgain) this.comesAgain.add(what)
    }
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
  chunkBegan(chunk: ChunkNumbers): void {
    this.told.push(['began', chunk])
  }
  chunkEnded(chunk: ChunkNumbers, outcome: string): void {
    this.told.push([outcome, chunk])
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

export interface Sent {
  /** The kind of a token of the run's pod, or the whole header; `pod` is its service account token. */
  token?: string
  json?: object
  body?: Buffer
  headers?: Record<string, string>
  /** The address to call from. */
  from?: string
}

/** What a test may set of its gateway. */
export interface Given extends Partial<GatewayOptions> {
  /** More runs than the one. */
  runs?: FakeRun[]
}

/** The service account token of the run's pod. */
export const podToken = 'header.pod.signature'

/**
 * A gateway on a free port with one run, whose upstream is at `endpoint`. It ends with the test. Its fence guards its
 * calls as the program's does, its log is kept in `lines`, and it holds no call unless `limits` says so.
 */
export async function gatewayOf(t: Test, endpoint: string, given: Given = {}) {
  const run = new FakeRun(endpoint)
  const all = [run, ...(given.runs ?? [])]
  const state: { is: GatewayState; cold: string | undefined } = { is: 'leading', cold: undefined }
  const clock = new HandClock()
  const lines: Record<string, unknown>[] = []
  const log = pino(
    { level: 'info', base: undefined },
    { write: line => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  const fence: Fence = given.fence ?? openFence()
  const agent = new Agent()
  const gateway = new Gateway({
    listen: { host: '127.0.0.1', port: 0 },
    dispatcher: agent.compose(fence.interceptor(isFencedCall)),
    log,
    clock,
    find: jobId => all.find(one => one.jobId === jobId),
    identify: async token => (token === podToken ? { name: 'pod-1', uid: podUid } : undefined),
    findOfPod: async () => run,
    allowOtherBuilds: false,
    state: () => state.is,
    cold: () => state.cold,
    ...given,
    fence,
    limits: { holdMs: 0, shortHoldMs: 0, ...given.limits },
  })
  const port = await gateway.listen()
  t.teardown(async () => {
    await agent.destroy()
    await gateway.close()
  })
  const audits = () => lines.filter(line => line['audit'] === true)
  const call = caller(port, run)
  const job = `/v3/jobs/${run.jobId}`
  return { gateway, run, state, port, call, job, clock, lines, audits, authorization: header(run) }
}

/** A token of a run's pod, as a header. */
export function header(run: FakeRun) {
  return (token: string, more: { podUid?: string; addresses?: string[] } = {}) => {
    if (token === 'pod') return `Token ${podToken}`
    if (!['session', 'job'].includes(token)) return token
    const { jobId, secret } = run
    const bearer = { jobId, secret, podUid, addresses: [], ...more }
    return `Token ${credential(token as CredentialKind, bearer)}`
  }
}

/** Calls as that run's pod. */
export function caller(port: number, run: FakeRun) {
  const authorization = header(run)
  // Not fetch: it would tidy the path up.
  return (method: string, path: string, sent: Sent = {}): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const body = sent.json ? Buffer.from(JSON.stringify(sent.json)) : sent.body
      const headers = {
        ...(sent.token !== undefined && { authorization: authorization(sent.token) }),
        ...(sent.json && { 'content-type': 'application/json' }),
        ...(body && { 'content-length': body.length }),
        ...sent.headers,
      }
      const where = { host: '127.0.0.1', port, method, path, localAddress: sent.from }
      const outgoing = httpRequest({ ...where, headers }, incoming => {
        buffer(incoming).then(got => {
          const { statusCode: status = 0, headers: answered } = incoming
          resolve({ status, headers: answered, body: got, json: jsonOf(got) })
        }, reject)
      })
      outgoing.on('error', reject)
      outgoing.end(body)
    })
}

function jsonOf(body: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>
  } catch {
    return {}
  }
}
