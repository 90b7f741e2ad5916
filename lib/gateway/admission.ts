import type { IncomingMessage, ServerResponse } from 'node:http'
import { steadily } from '../clock.js'
import { messageOf } from '../errors.js'
import { plainAddress, remoteAddress } from './address.js'
import { boundedJson } from './bounded.js'
import { claim, credential } from './credentials.js'
import type { GatewayRun, ProvenPod } from './gateway-run.js'
import { intervals } from './intervals.js'
import { impatient, type Patience } from './patience.js'
import type { GatewayParts } from './pod-call.js'
import { refuse, type Refusal } from './refusals.js'
import { later, reply } from './reply.js'
import type { Match } from './routes.js'

interface Admission {
  request: IncomingMessage
  response: ServerResponse
  match: Match
  patience: Patience
}

interface Admitted {
  run: GatewayRun
  pod: ProvenPod
  addresses: readonly string[]
}

// A token of Kubernetes' is a kilobyte or two.
const mostTokenBytes = 16 * 1024
// Milliseconds between looks at the address of a pod that the API server does not know yet, and how often.
const addressMs = 300
const addressLooks = 3

/**
 * `register`: the pod proves who it is with its service account token, becomes the one that has the run, and gets its
 * session token. While the API server does not answer the call waits, and then is a passing fault.
 */
export async function register(call: Admission, parts: GatewayParts): Promise<void> {
  const { request, response, match, patience } = call
  const token = /^Token (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const refusal = unfit(token, parts)
  if (refusal) return refuse(call, { match, refusal, parts })
  const leave = await parts.hold.until(() => {
    return parts.options.fence.open ? parts.reviewers.enter('') : undefined
  }, patience)
  if (!leave) return later(response, 'the job spawner can admit nobody now')
  try {
    const admitted = await patiently(() => admit(call, { token, parts }), { patience, parts })
    if (!admitted) return later(response, 'it can not be said now whose token this is', 2)
    if ('status' in admitted) return refuse(call, { match, refusal: admitted, parts })
    welcome(response, admitted, await boundedJson(request, parts.limits.bodyBytes))
  } finally {
    leave()
  }
}

function unfit(token: string, { reviews }: GatewayParts): Refusal | undefined {
  if (token.startsWith('file://')) {
    const message =
      'this agent does not read its token from a file: the image needs buildkite-agent 3.134.0 or newer'
    return { status: 401, message, why: 'an agent older than 3.134.0' }
  }
  if (token === '' || token.length > mostTokenBytes || claim(`Token ${token}`)) {
    return { status: 401, message: 'a pod registers with its service account token' }
  }
  return reviews.refusedLately(token) ? nobody : undefined
}

const nobody: Refusal = {
  status: 401,
  message:
    'the API server does not know this token as one of a pod that exists, for this job spawner',
}

const elsewhere = 'a service account token of a pod that has another address'

// Undefined when that is not sure yet, and the pod is to come again.
async function admit(
  { request }: Admission,
  { token, parts }: { token: string; parts: GatewayParts },
): Promise<Admitted | Refusal | undefined> {
  const { options, reviews } = parts
  const pod = await reviews.podOf(token)
  if (pod === 'refused') return nobody
  if (pod === 'doubted') return undefined
  const run = await options.findOfPod(pod)
  if (!run && options.allKnown?.() === false) return undefined
  if (!run) return { status: 401, message: 'this pod has no job here', pod: pod.uid }
  const whose = { pod: pod.uid, job: run.jobId }
  const addresses = await ownAddresses(pod, { request, parts })
  // It has called from its own address before: whoever shows its token elsewhere is not the pod.
  if (addresses.length === 0 && parts.places.has(run)) {
    return { ...whose, status: 403, message: 'this token is not good here', why: elsewhere }
  }
  const bound = await run.bindPod(pod)
  if (bound === 'taken') return { ...whose, status: 403, message: 'another pod has this job' }
  if (bound === 'over' || run.over) return { ...whose, status: 401, message: 'this job is over' }
  if (addresses.length > 0) parts.places.set(run, addresses)
  return { run, pod, addresses }
}

// The pod's addresses and its node's, when it calls from one of its own; none when the network hides where it calls
// from. The API server may hear of a pod's address later than the pod's agent calls.
async function ownAddresses(
  pod: ProvenPod,
  { request, parts }: { request: IncomingMessage; parts: GatewayParts },
): Promise<readonly string[]> {
  const { addressesOf, clock } = parts.options
  for (let looked = 1; addressesOf; looked++) {
    const known = await addressesOf(pod)
    const own = known.pod.map(plainAddress)
    if (own.includes(remoteAddress(request))) return [...own, ...known.node.map(plainAddress)]
    if (own.length > 0 || looked === addressLooks) return []
    await clock.sleep(addressMs)
  }
  return []
}

function welcome(
  response: ServerResponse,
  { run, pod, addresses }: Admitted,
  { hostname, meta_data }: Record<string, unknown>,
): void {
  run.podConnected({ hostname: typeof hostname === 'string' ? hostname : pod.name })
  const { jobId, secret, payload } = run
  reply(response, 200, {
    id: jobId,
    name: payload.env['BUILDKITE_AGENT_NAME'] ?? '',
    access_token: credential('session', { jobId, secret, podUid: pod.uid, addresses }),
    endpoint: '',
    request_headers: {},
    ...intervals,
    meta_data: Array.isArray(meta_data) ? meta_data : [],
  })
}

// Whatever goes wrong here is a fault of the API server's or ours, and none of the pod's.
async function patiently<T>(
  work: () => Promise<T>,
  { patience, parts }: { patience: Patience; parts: GatewayParts },
): Promise<T | undefined> {
  const { clock, log } = parts.options
  for (let waitMs = 1_000; ; waitMs = Math.min(8_000, waitMs * 2)) {
    try {
      return await work()
    } catch (error) {
      log.warn({ why: messageOf(error) }, 'a pod can not be admitted now')
    }
    const from = steadily(clock)
    const ms = waitMs * (0.5 + clock.random())
    await parts.hold.until(() => (steadily(clock) >= from + ms ? true : undefined), patience)
    if (parts.hold.isClosed || impatient(patience, clock)) return undefined
  }
}
