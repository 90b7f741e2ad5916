import { pipeline } from 'node:stream/promises'
import { retryAfterMs, retryableStatus } from '../upstream/retry.js'
import { bounded } from './bounded.js'
import { podHeaders } from './headers.js'
import { impatient } from './patience.js'
import { PodBody } from './pod-body.js'
import type { GatewayParts, PodCall } from './pod-call.js'
import { refuseCall, type Refusal } from './refusals.js'
import { later, reply } from './reply.js'
import { attempt, hasBody, type Answered, type Attempt, type Outgoing } from './upstream-call.js'
import type { CallKind, Pass, Verdict } from './upstream-health.js'

/** How a call is forwarded. */
export interface ForwardOptions {
  /** The call as it goes upstream, made for each attempt before any of its body is read; undefined when the run is over. */
  outgoing?: () => Promise<Outgoing | undefined>
  /** Told what upstream answered, or whether it can have the call all the same. */
  ended?: (outcome: { status: number } | { mayHave: boolean }) => void
  /** What may pass of upstream's reaches the pod as a 503: an agent drops a chunk on any 4xx, 429 too. */
  passingIs503?: boolean
  /** What the answer is when the run is over. */
  over?: { status: number; message: string }
}

// A job's state is small; what is larger is not read.
const stateBytes = 4 * 1024 * 1024

/**
 * Sends a pod's call upstream and its answer back, both bodies streamed and never unpacked. The call waits, unread,
 * while it can't go; without an answer the pod is told to try again.
 */
export async function forward(
  call: PodCall,
  parts: GatewayParts,
  options: ForwardOptions = {},
): Promise<void> {
  for (let first = true; ; first = false) {
    const pass = await passage(call, parts)
    if (!pass) return later(call.response, 'upstream does not answer now', restOf(call, parts))
    const out = refusalNow(call, options) ? undefined : await prepared(call, pass, options)
    if (!out) {
      pass.verdict('none')
      return refuseCall(call, refusalNow(call, options) ?? overNow(options), parts)
    }
    const tried = await tryOnce(call, out, { pass, parts, options, first })
    if (tried.answered) return answerPod(call, tried.answered, { parts, options })
    const refusal = refusalNow(call, options)
    if (refusal) return refuseCall(call, refusal, parts)
    if (!tried.again || impatient(call.patience, parts.options.clock)) {
      return later(call.response, 'upstream did not answer', restOf(call, parts))
    }
  }
}

/** Asks upstream for a small answer that we read as well; undefined when there is none. */
export async function exchange(
  call: PodCall,
  parts: GatewayParts,
): Promise<{ status: number; body: unknown; retryAfterMs: number | undefined } | undefined> {
  const enter = () => parts.health.enter(kindOf(call))
  const pass = await parts.hold.until(enter, call.patience, call.pod.uid)
  if (!pass) return undefined
  const out = { target: call.target, body: null }
  const { answered } = await tryOnce(call, out, { pass, parts, options: {} })
  if (!answered) return undefined
  const { statusCode: status, headers } = answered
  const text = await bounded(answered.body, stateBytes).catch(() => undefined)
  // What is left of it would keep its connection for good.
  if (text === undefined) answered.body.destroy()
  return { status, body: parsed(text), retryAfterMs: retryAfterMs(headers['retry-after']) }
}

async function tryOnce(
  call: PodCall,
  out: Outgoing,
  {
    pass,
    parts,
    options,
    first = false,
  }: { pass: Pass; parts: GatewayParts; options: ForwardOptions; first?: boolean },
): Promise<Attempt> {
  const tried = await attempt(call, out, parts)
  const { answered } = tried
  if (answered) tell(pass, answered)
  // A kept connection may have been closed just then, which says nothing: what can be sent again is, at once.
  else pass.verdict(first && tried.again && tried.verdict === 'failed' ? 'none' : tried.verdict)
  options.ended?.(answered ? { status: answered.statusCode } : { mayHave: tried.mayHave })
  return tried
}

async function prepared(
  call: PodCall,
  pass: Pass,
  { outgoing }: ForwardOptions,
): Promise<Outgoing | undefined> {
  if (!outgoing) return { target: call.target, body: podBody(call) }
  try {
    return await outgoing()
  } catch (error) {
    pass.verdict('none')
    throw error
  }
}

/** A call's own body, for one attempt. Unless told otherwise it is cut off when the run ends. */
export function podBody(
  { request, run }: PodCall,
  { cutWhenOver = true }: { cutWhenOver?: boolean } = {},
): PodBody | null {
  return hasBody(request) ? new PodBody(request, () => cutWhenOver && run.over) : null
}

// Waits for the fence, and for upstream to be worth asking.
function passage(
  call: PodCall,
  { options, hold, health }: GatewayParts,
): Promise<Pass | undefined> {
  const enter = () => (options.fence.open ? health.enter(kindOf(call)) : undefined)
  return hold.until(enter, call.patience, call.pod.uid)
}

// While it waited the run may have ended, or turned out to be another pod's.
function refusalNow({ run, pod }: PodCall, options: ForwardOptions): Refusal | undefined {
  if (run.over) return overNow(options)
  return run.isPod(pod.uid) ? undefined : { status: 401, message: 'another pod has this job' }
}

function overNow({ over }: ForwardOptions): Refusal {
  return { status: 401, message: 'this job is over', ...over }
}

async function answerPod(
  call: PodCall,
  { statusCode, headers, body }: Answered,
  { parts, options }: { parts: GatewayParts; options: ForwardOptions },
): Promise<void> {
  const { response, run } = call
  if (options.passingIs503 && retryableStatus(statusCode)) {
    await dropped(body)
    return later(response, 'upstream is busy', (retryAfterMs(headers['retry-after']) ?? 0) / 1_000)
  }
  // An agent would follow it, and take its token to whatever host it names.
  if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
    await dropped(body)
    return reply(response, 502, { message: 'upstream answered with a redirect' })
  }
  response.writeHead(statusCode, podHeaders(headers))
  await pipeline(body, response).catch((error: unknown) => {
    parts.options.log.debug(
      { err: error, job: run.jobId },
      'answer broke off on its way to the pod',
    )
  })
}

async function dropped(body: Answered['body']): Promise<void> {
  if ('dump' in body) await body.dump().catch(() => undefined)
}

function tell(pass: Pass, { statusCode, headers }: Answered): void {
  pass.verdict(verdictOf(statusCode), retryAfterMs(headers['retry-after']))
}

function verdictOf(status: number): Verdict {
  if (status === 429) return 'busy'
  return status >= 500 ? 'failed' : 'good'
}

function restOf(call: PodCall, { health }: GatewayParts): number {
  return health.retryAfterSeconds(kindOf(call))
}

const kinds = ['annotations', 'artifacts', 'data', 'pipelines', 'oidc', 'secrets', 'cancel']

// What upstream fails on is told apart by the word behind the id: a limit on artifacts says nothing about secrets.
function kindOf({ match: { route }, target, run }: PodCall): CallKind {
  const [, first = '', , word = ''] = target.split(/[/?]/)
  const kind = route.action !== 'forward' ? route.action : kinds.includes(word) ? word : first
  return { endpoint: run.upstream().endpoint, jobId: run.jobId, kind }
}

function parsed(text: Buffer | undefined): unknown {
  try {
    return JSON.parse(text?.toString() ?? '')
  } catch {
    return undefined
  }
}
