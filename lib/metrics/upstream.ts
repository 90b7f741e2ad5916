import type { Dispatcher } from 'undici'
import { callBuckets, type Instruments } from './instruments.js'
import { callStatuses, watchCalls, type CallStatus } from './watched-calls.js'

/** The calls of the Agent API that are told apart, ours and those of pods that go through the gateway. */
export const upstreamCalls = [
  'register',
  'connect',
  'disconnect',
  'heartbeat',
  'ping',
  'accept',
  'start',
  'chunks',
  'state',
  'finish',
  'annotations',
  'artifacts',
  'data',
  'pipelines',
  'other',
] as const

export type UpstreamCall = (typeof upstreamCalls)[number]

/** How upstream has answered so far. Times are milliseconds since 1970. */
export interface UpstreamHealth {
  /** When it last answered with anything but a 5xx; undefined when it never has. */
  answeredAt: number | undefined
  /** Since when no call has been answered so; undefined when the last one was. */
  failingSince: number | undefined
  /** How many calls have failed since then. */
  failures: number
}

/** The calls that go to upstream. */
export class UpstreamMetrics {
  private readonly requests
  private readonly duration
  private readonly retries
  private known: UpstreamHealth = { answeredAt: undefined, failingSince: undefined, failures: 0 }

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number; wall: () => number },
  ) {
    const call = upstreamCalls
    this.requests = make.counter(
      'upstream_requests_total',
      "Calls of Buildkite's Agent API, each attempt for itself; those of pods that the gateway sends on are among them.",
      { call, status: callStatuses },
    )
    this.duration = make.histogram(
      'upstream_request_duration_seconds',
      "How long calls of Buildkite's Agent API take, up to the end of the answer.",
      { buckets: callBuckets, labels: { call } },
    )
    this.retries = make.counter(
      'upstream_retries_total',
      'Calls of our own that are tried once more after a passing fault.',
      { call },
    )
  }

  /** The same connections, watched. */
  watching(pool: Dispatcher): Dispatcher {
    return pool.compose(
      watchCalls({
        now: this.clocks.now,
        ended: ({ method, path }, { status, seconds }) => {
          const call = upstreamCall(method, path)
          this.requests.inc({ call, status })
          this.duration.observe({ call }, seconds)
          this.note(status)
        },
      }),
    )
  }

  /** A call is tried once more. */
  retried(method: string, path: string): void {
    this.retries.inc({ call: upstreamCall(method, path) })
  }

  /** How upstream has answered so far. */
  get health(): UpstreamHealth {
    return this.known
  }

  private note(status: CallStatus): void {
    const at = this.clocks.wall()
    const { answeredAt, failingSince = at, failures } = this.known
    const failed = status === '5xx' || status === 'none'
    this.known = failed
      ? { answeredAt, failingSince, failures: failures + 1 }
      : { answeredAt: at, failingSince: undefined, failures: 0 }
  }
}

const ofAgent = /\/(register|connect|disconnect|heartbeat|ping)$/
const ofJob = /\/jobs\/[^/]+(?:\/([^/]+))?/
const belowJob: Record<string, UpstreamCall> = {
  accept: 'accept',
  start: 'start',
  chunks: 'chunks',
  finish: 'finish',
  annotations: 'annotations',
  artifacts: 'artifacts',
  data: 'data',
  pipelines: 'pipelines',
}

/** What a call is counted as. The path has no query. */
export function upstreamCall(method: string, path: string): UpstreamCall {
  const job = ofJob.exec(path)
  if (job) {
    if (job[1] !== undefined) return belowJob[job[1]] ?? 'other'
    return method === 'GET' ? 'state' : 'other'
  }
  if (/\/builds\/[^/]+\/artifacts/.test(path)) return 'artifacts'
  if (/\/(builds|steps|cache_registries)\//.test(path)) return 'other'
  return (ofAgent.exec(path)?.[1] as UpstreamCall | undefined) ?? 'other'
}
