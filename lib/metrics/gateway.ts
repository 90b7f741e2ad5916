import type { ServerResponse } from 'node:http'
import type { RouteAction } from '../gateway/routes.js'
import { callBuckets, type Instruments } from './instruments.js'
import { callStatuses, statusClass } from './watched-calls.js'

/** What calls of pods are counted as: what the gateway does with them, or `unknown` where it has no route. */
export const gatewayActions = [
  'register',
  'connect',
  'disconnect',
  'heartbeat',
  'ping',
  'acquire',
  'start',
  'chunk',
  'state',
  'finish',
  'forward',
  'step',
  'refuse',
  'unknown',
] as const satisfies readonly (RouteAction | 'unknown')[]

/** The calls of pods. */
export class GatewayMetrics {
  private readonly requests
  private readonly duration
  private readonly refusals

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number },
  ) {
    const action = gatewayActions
    this.requests = make.counter(
      'gateway_requests_total',
      'Calls of pods. The status is none when the pod went away before the answer.',
      { action, status: callStatuses },
    )
    this.duration = make.histogram(
      'gateway_request_duration_seconds',
      'How long pods wait for the end of an answer, the time for which a call is held included.',
      { buckets: callBuckets, labels: { action } },
    )
    this.refusals = make.counter(
      'gateway_refused_calls_total',
      'Calls that the gateway itself refused: without a credential, out of reach, or no call of an agent.',
      { action },
    )
  }

  /** A call of a pod's has come; its response tells the rest. */
  began(response: ServerResponse, route: RouteAction | undefined): void {
    const action = route ?? 'unknown'
    const from = this.clocks.now()
    response.once('close', () => {
      const status = response.writableFinished ? statusClass(response.statusCode) : 'none'
      this.requests.inc({ action, status })
      this.duration.observe({ action }, (this.clocks.now() - from) / 1_000)
    })
  }

  /** The gateway has refused a call. */
  refused(action: string | undefined): void {
    const known = gatewayActions.find(one => one === action) ?? 'unknown'
    this.refusals.inc({ action: known })
  }
}
