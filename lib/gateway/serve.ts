import type { IncomingMessage, ServerResponse } from 'node:http'
import { steadily } from '../clock.js'
import { retryableStatus } from '../upstream/retry.js'
import { register } from './admission.js'
import { answer } from './answers.js'
import type { Patience } from './patience.js'
import type { GatewayParts, PodCall } from './pod-call.js'
import { proved } from './proof.js'
import { outOfReach, ownIds } from './reach.js'
import { answerRefused, refuse, refuseCall } from './refusals.js'
import { elsewhere, later, reply } from './reply.js'
import { matchRoute, type Match, type RouteAction } from './routes.js'

/** A call of a pod's, as it came in. */
export interface RawCall {
  request: IncomingMessage
  response: ServerResponse
  /** The path below /v3, with its query; undefined when it is none. */
  target: string | undefined
}

// Asked again soon, or of no use when answered late.
const shortHeld: readonly RouteAction[] = ['heartbeat', 'ping', 'disconnect', 'connect', 'state']
// These may take long, so a pod has only so many of them at a time.
const counted: readonly RouteAction[] = ['chunk', 'forward', 'step', 'state', 'finish']
// While one of these is under way, the agent has not fallen silent: it is not to be judged by its pod's status.
const writing: readonly RouteAction[] = ['chunk', 'finish']

// Made once: to make one with its stack trace for each call costs more than all else here.
const podGone = new Error('the pod went away')

/** Serves a call of a pod's agent, or refuses it. */
export async function serve(
  { request, response, target }: RawCall,
  parts: GatewayParts,
): Promise<void> {
  const [path = '', search = ''] = split(target)
  const match = matchRoute(request.method ?? 'GET', path)
  if (!match) return noRoute(request, response, parts)
  if (request.headers.upgrade !== undefined) {
    const refusal = { status: 403, message: 'a connection can not be upgraded here' }
    return refuse({ request, response }, { match, refusal, parts })
  }
  const patience = patienceFor(match, response, parts)
  if (!(await leading(patience, parts))) return notLeading({ request, response }, parts)
  if (match.route.action === 'register')
    return register({ request, response, match, patience }, parts)
  const proof = proved(request, match, parts.options)
  if (!('run' in proof)) {
    if (proof.quiet) return answerRefused(match.route.action, response, proof)
    if (proof.passing) return later(response, 'the run of this token is not known here')
    return refuse({ request, response }, { match, refusal: proof, parts })
  }
  const { run, pod } = proof
  response.once('close', run.podCalled())
  // Known again after a restart, with the pod's next call.
  if (pod.addresses.length > 0) parts.places.set(run, pod.addresses)
  const query = new URLSearchParams(search)
  await admitted(
    { request, response, match, ...proof, target: target ?? '', query, patience },
    parts,
  )
}

async function admitted(call: PodCall, parts: GatewayParts): Promise<void> {
  const { route } = call.match
  if (route.action === 'refuse') {
    return refuseCall(call, { status: 403, message: route.why ?? 'refused' }, parts)
  }
  const { allowOtherBuilds } = parts.options
  const { match, query } = call
  const why = outOfReach(match, ownIds(call.run), { query, allowOtherBuilds })
  if (why !== undefined) return refuseCall(call, { status: 403, message: why }, parts)
  const ended = writing.includes(route.action) ? call.run.podWrites(call.target) : undefined
  try {
    await answered(call, parts)
  } finally {
    ended?.(comesAgain(call.response))
  }
}

async function answered(call: PodCall, parts: GatewayParts): Promise<void> {
  const { action } = call.match.route
  if (action === 'refuse' || action === 'register') return
  if (!counted.includes(action)) return answer[action](call, parts)
  const { uid } = call.pod
  const leave = await parts.hold.until(() => parts.crowd.enter(uid), call.patience, uid)
  if (!leave) return later(call.response, 'this pod has too many calls under way')
  try {
    await answer[action](call, parts)
  } finally {
    leave()
  }
}

// An agent sends what it could not deliver once more, after a pause.
function comesAgain({ writableEnded, statusCode }: ServerResponse): boolean {
  return !writableEnded || retryableStatus(statusCode)
}

function noRoute(
  request: IncomingMessage,
  response: ServerResponse,
  { audit }: GatewayParts,
): void {
  // The streaming ping at the host's root: 404 makes the agent fall back to polling for good. It is no attempt on us.
  if (!request.url?.endsWith('.AgentEdgeService/StreamPings')) {
    audit.refused({ request, why: 'no such route' })
  }
  reply(response, 404, { message: 'no such route' })
}

// Until the runs of the process before are known, nobody's token can be judged.
async function leading(patience: Patience, { options, hold }: GatewayParts): Promise<boolean> {
  const state = () => (options.state() === 'starting' ? undefined : options.state())
  return (await hold.until(state, patience)) === 'leading'
}

async function notLeading(
  call: Pick<RawCall, 'request' | 'response'>,
  { options, hold, limits: { drainMs } }: GatewayParts,
): Promise<void> {
  if (hold.isClosed) return elsewhere(call, { message: 'the job spawner is stopping', drainMs })
  if (options.state() === 'standby')
    return elsewhere(call, { message: 'another job spawner serves the pods', drainMs })
  later(call.response, 'the job spawner is starting')
}

function patienceFor(match: Match, response: ServerResponse, parts: GatewayParts): Patience {
  const { clock } = parts.options
  const { holdMs, shortHoldMs } = parts.limits
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(podGone)
  })
  const ms = shortHeld.includes(match.route.action) ? shortHoldMs : holdMs
  return { from: steadily(clock), ms, gone: gone.signal }
}

function split(target: string | undefined): [string, string] {
  // A fragment is no part of a request: what follows it, a URL's parser would drop on the way upstream.
  if (target === undefined || target.includes('#')) return ['', '']
  const at = target.indexOf('?')
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)]
}
