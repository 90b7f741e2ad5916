import type { IncomingMessage, ServerResponse } from 'node:http'
import type { GatewayParts, PodCall } from './pod-call.js'
import { reply } from './reply.js'
import type { Match, RouteAction } from './routes.js'

/** Why a call is refused, for good: `message` for the pod, and for the audit line unless `why` says more. */
export interface Refusal {
  status: number
  message: string
  why?: string
  /** The pod and the job whose token it carries, where that is proved. */
  pod?: string
  job?: string
}

/**
 * Refuses a call: one audit line, and an answer that ends the pod's agent well. The calls of an agent's own life are
 * answered harmlessly: a 4xx heartbeat would make it hang (agent-api §0.1).
 */
export function refuse(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  { match, refusal, parts }: { match: Match; refusal: Refusal; parts: GatewayParts },
): void {
  const { message, why = message, status, pod, job } = refusal
  const { action } = match.route
  parts.audit.refused({ request, route: action, job, pod, why })
  answerRefused(action, response, { status, message })
}

/** The same for a call that was proved. */
export function refuseCall(call: PodCall, refusal: Refusal, parts: GatewayParts): void {
  const { match, run, pod } = call
  refuse(call, { match, refusal: { ...refusal, job: run.jobId, pod: pod.uid }, parts })
}

/** How a call that is not served is answered, by what it is. */
export function answerRefused(
  action: RouteAction,
  response: ServerResponse,
  { status, message }: { status: number; message: string },
): void {
  switch (action) {
    case 'heartbeat':
      return reply(response, 200, {})
    case 'ping':
      return reply(response, 200, { action: 'disconnect' })
    case 'disconnect':
      return reply(response, 200, { connection_state: 'disconnected' })
    case 'acquire':
      return reply(response, 422, { message })
    default:
      return reply(response, status, { message })
  }
}
