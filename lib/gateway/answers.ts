import { retryableStatus } from '../upstream/retry.js'
import { bounded, boundedJson } from './bounded.js'
import { credential } from './credentials.js'
import { exchange, forward, podBody } from './forward.js'
import { ReadBody } from './pod-body.js'
import type { GatewayParts, PodCall } from './pod-call.js'
import { byStepKey, ownIds, strangerInBody } from './reach.js'
import { refuseCall } from './refusals.js'
import { later, reply } from './reply.js'
import type { RouteAction } from './routes.js'
import { chunkNumbers, spliced, type ChunkNumbers } from './splice.js'
import { hasBody, type Outgoing } from './upstream-call.js'

type Answer = (call: PodCall, parts: GatewayParts) => Promise<void> | void

/** What the gateway does with a proved call, by action. */
export const answer: Record<Exclude<RouteAction, 'register' | 'refuse'>, Answer> = {
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
  step,
  forward: (call, parts) => forward(call, parts),
}

const over = 'this job is over'

async function heartbeat({ request, response }: PodCall, { options, limits }: GatewayParts) {
  const { sent_at } = await boundedJson(request, limits.bodyBytes)
  reply(response, 200, { sent_at, received_at: new Date(options.clock.now()).toISOString() })
}

// The answer may be lost and the agent ask again, so the job stays to be had until the pod starts it.
async function acquire(call: PodCall, parts: GatewayParts) {
  const { response, run, pod } = call
  if (!(await fencePassed(call, parts)))
    return later(response, 'the job spawner is not sure of its lease')
  if (run.over || !run.acquirable || !run.isPod(pod.uid)) {
    const refusal = { status: 422, message: 'this job is no longer to be had' }
    return refuseCall(call, refusal, parts)
  }
  const { jobId, secret } = run
  const token = credential('job', { jobId, secret, podUid: pod.uid, addresses: pod.addresses })
  reply(response, 200, { ...run.payload, token, endpoint: '' })
}

async function start(call: PodCall, parts: GatewayParts) {
  const { response, run } = call
  if (!(await fencePassed(call, parts)))
    return later(response, 'the job spawner is not sure of its lease')
  if (run.over) return refuseCall(call, { status: 422, message: over }, parts)
  run.podStarted()
  reply(response, 200, { state: 'running' })
}

async function chunk(call: PodCall, parts: GatewayParts) {
  const { response, run } = call
  const given = chunkNumbers(call.query)
  if (!given) {
    return reply(response, 400, {
      message: 'sequence, offset and size are wanted as whole numbers',
    })
  }
  let numbers: ChunkNumbers | undefined
  const outgoing = async (): Promise<Outgoing | undefined> => {
    const place = spliced(given, await run.opening())
    // Our last lines may have taken its place since.
    if (run.over) return undefined
    run.chunkBegan((numbers = place))
    const { sequence, offset, size } = place
    const path = call.target.split('?')[0]
    const target = `${path}?sequence=${sequence}&offset=${offset}&size=${size}`
    return { target, body: podBody(call, { cutWhenOver: false }) }
  }
  await forward(call, parts, {
    outgoing,
    ended: outcome => numbers && run.chunkEnded(numbers, chunkOutcome(outcome)),
    passingIs503: true,
    over: { status: 400, message: "Job can't have chunks" },
  })
}

function chunkOutcome(outcome: { status: number } | { mayHave: boolean }) {
  if ('mayHave' in outcome) return outcome.mayHave ? 'unknown' : 'refused'
  if (outcome.status < 300) return 'taken'
  return outcome.status < 500 ? 'refused' : 'unknown'
}

async function state(call: PodCall, parts: GatewayParts) {
  const { response, run } = call
  // The run was ended over the pod's head: its agent is to stop, without a 401 in its log.
  if (run.over) return reply(response, 200, { state: 'canceled' })
  const askedAt = parts.options.clock.now()
  const got = await exchange(call, parts)
  if (got === undefined) return later(response, 'upstream did not answer')
  const { status, retryAfterMs } = got
  if (retryableStatus(status))
    return later(response, 'upstream is busy', (retryAfterMs ?? 0) / 1_000)
  const said = got.body as { state?: unknown; message?: unknown } | undefined
  // Nobody but a proxy on the way answers so: the agent wants JSON.
  if (status < 300 && typeof said !== 'object') return later(response, 'upstream answered no JSON')
  // Upstream's refusals have words, and a 401 makes the agent stop its job: of one without, the run asks by itself.
  if (status >= 300 && typeof said?.message !== 'string') {
    return later(response, 'upstream answered without a word')
  }
  if (typeof said?.state === 'string') run.stateSeen(said.state, askedAt)
  reply(response, status, said ?? {})
}

async function finish(call: PodCall, parts: GatewayParts) {
  const { request, response, run } = call
  const body = await boundedJson(request, parts.limits.bodyBytes)
  if (typeof body['exit_status'] !== 'string') {
    return reply(response, 400, { message: 'exit_status is wanted as text' })
  }
  if (!(await fencePassed(call, parts)))
    return later(response, 'the job spawner is not sure of its lease')
  const outcome = await run.finishFromPod(body)
  switch (outcome.state) {
    case 'done':
      return reply(response, 200, { state: 'finished' })
    case 'over':
      return refuseCall(call, { status: 422, message: over }, parts)
    case 'refused':
      if (retryableStatus(outcome.status)) return later(response, 'upstream is busy', 2)
      return reply(response, outcome.status, { message: 'upstream refuses the finish' })
    case 'passing':
      return later(response, 'upstream did not take the finish yet', 2)
  }
}

/** A call to a step, whose body says in which build: it is read, and sent on as it came. */
async function step(call: PodCall, parts: GatewayParts) {
  const { request, run, match } = call
  if (parts.options.allowOtherBuilds) return forward(call, parts)
  const own = ownIds(run)
  const coded = request.headers['content-encoding'] !== undefined
  const body = hasBody(request) ? await bounded(request, parts.limits.bodyBytes) : Buffer.alloc(0)
  const why =
    body === undefined || coded
      ? 'the body of this call must be small, and not compressed'
      : strangerInBody(body, own, { byKey: byStepKey(match, own) })
  if (why !== undefined || !body) {
    return refuseCall(call, { status: 403, message: why ?? 'no body' }, parts)
  }
  await forward(call, parts, {
    outgoing: async () => ({
      target: call.target,
      body: body.length > 0 ? new ReadBody(body) : null,
    }),
  })
}

async function fencePassed(call: PodCall, { options, hold }: GatewayParts): Promise<boolean> {
  const open = () => (options.fence.open ? true : undefined)
  return (await hold.until(open, call.patience, call.pod.uid)) === true
}
