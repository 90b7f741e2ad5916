import { json } from 'node:stream/consumers'
import type { ServerResponse } from 'node:http'
import { retryableStatus } from '../upstream/retry.js'
import { credential } from './credentials.js'
import { exchange, forward } from './forward.js'
import { later, reply } from './reply.js'
import type { RouteAction } from './routes.js'
import type { GatewayOptions, PodCall } from './pod-call.js'
import { chunkNumbers, spliced } from './splice.js'

type Answer = (call: PodCall, options: GatewayOptions) => Promise<void> | void

// Seconds. A short ping interval shortens the pod's life: after its job the agent waits up to one before it goes.
const intervals = { ping_interval: 1, job_status_interval: 2, heartbeat_interval: 30 }

/** What the gateway says itself, by action. */
export const answer: Record<Exclude<RouteAction, 'forward' | 'refuse'>, Answer> = {
  register,
  connect: ({ response }) => reply(response, 200, { connection_state: 'connected' }),
  disconnect: ({ response }) => reply(response, 200, { connection_state: 'disconnected' }),
  heartbeat,
  // An acquire-mode agent asks once after its job; idle lets it go.
  ping: ({ response }) => reply(response, 200, {}),
  acquire,
  start,
  chunk,
  state,
  finish,
}

/**
 * The answer when the token's run is not known: over long ago, or never ours. The calls of an agent's own life are
 * answered harmlessly, so that a pod that outlives its run ends well; a 4xx heartbeat would make it hang.
 */
export function answerWithoutRun(action: RouteAction, response: ServerResponse): void {
  switch (action) {
    case 'heartbeat':
      return reply(response, 200, {})
    case 'ping':
      return reply(response, 200, { action: 'disconnect' })
    case 'disconnect':
      return reply(response, 200, { connection_state: 'disconnected' })
    case 'acquire':
      return reply(response, 422, { message: 'this job is no longer to be had' })
    default:
      return reply(response, 401, { message: 'this token is not known' })
  }
}

async function register({ request, response, run }: PodCall) {
  const body = (await json(request).catch(() => ({}))) as {
    hostname?: unknown
    meta_data?: unknown
  }
  if (run.over) return reply(response, 401, { message: 'this job is over' })
  run.podConnected({ hostname: typeof body.hostname === 'string' ? body.hostname : '' })
  reply(response, 200, {
    id: run.jobId,
    name: run.payload.env['BUILDKITE_AGENT_NAME'] ?? '',
    access_token: credential('session', run),
    endpoint: '',
    request_headers: {},
    ...intervals,
    meta_data: Array.isArray(body.meta_data) ? body.meta_data : [],
  })
}

async function heartbeat({ request, response }: PodCall, { clock }: GatewayOptions) {
  const body = (await json(request).catch(() => ({}))) as { sent_at?: unknown }
  reply(response, 200, { sent_at: body.sent_at, received_at: new Date(clock.now()).toISOString() })
}

// The answer may be lost and the agent ask again, so the job stays to be had until the pod starts it.
function acquire({ response, run }: PodCall) {
  if (run.over || !run.acquirable)
    return reply(response, 422, { message: 'this job is no longer to be had' })
  reply(response, 200, { ...run.payload, token: credential('job', run), endpoint: '' })
}

function start({ response, run }: PodCall) {
  if (run.over) return reply(response, 422, { message: 'this job is over' })
  run.podStarted()
  reply(response, 200, { state: 'running' })
}

async function chunk(call: PodCall, options: GatewayOptions) {
  const { response, run, query } = call
  const numbers = chunkNumbers(query)
  if (!numbers)
    return reply(response, 400, {
      message: 'sequence, offset and size are wanted as whole numbers',
    })
  if (run.over) return reply(response, 400, { message: "Job can't have chunks" })
  const { sequence, offset, size } = spliced(numbers, await run.opening())
  const target = `${call.target.split('?')[0]}?sequence=${sequence}&offset=${offset}&size=${size}`
  const status = await forward({ ...call, target }, options, { passingIs503: true })
  if (status !== undefined && status < 300) run.chunkSent({ sequence, offset, size })
}

async function state(call: PodCall, options: GatewayOptions) {
  const { response, run } = call
  // The run was ended over the pod's head: its agent is to stop, without a 401 in its log.
  if (run.over) return reply(response, 200, { state: 'canceled' })
  const got = await exchange(call, options)
  if (got === undefined) return later(response, 'upstream did not answer')
  if (retryableStatus(got.status)) return later(response, 'upstream is busy', got.retryAfterSeconds)
  const said = got.body as { state?: unknown } | undefined
  if (typeof said?.state === 'string') run.stateSeen(said.state)
  reply(response, got.status, said ?? {})
}

async function finish({ request, response, run }: PodCall) {
  const body = (await json(request).catch(() => undefined)) as Record<string, unknown> | undefined
  if (typeof body?.['exit_status'] !== 'string') {
    return reply(response, 400, { message: 'exit_status is wanted as text' })
  }
  const outcome = await run.finishFromPod(body)
  switch (outcome.state) {
    case 'done':
      return reply(response, 200, { state: 'finished' })
    case 'over':
      return reply(response, 422, { message: 'this job is over' })
    case 'refused':
      return reply(response, outcome.status, { message: 'upstream refuses the finish' })
    case 'passing':
      return later(response, 'upstream did not take the finish yet', 2)
  }
}
