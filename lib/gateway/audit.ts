import type { IncomingMessage } from 'node:http'
import { steadily, type Clock } from '../clock.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { remoteAddress } from './address.js'

/** A call that was refused. */
export interface RefusedCall {
  request: IncomingMessage
  /** What the gateway took the call for; absent when it is no call of its table. */
  route?: string | undefined
  /** The job whose token it carried, as far as that is proved. */
  job?: string | undefined
  /** The pod whose token it carried, as far as that is proved. */
  pod?: string | undefined
  why: string
}

interface Bucket {
  lines: number
  at: number
  unlogged: number
}

const burst = 20
const perLineMs = 10_000
const mostBuckets = 1_000

/**
 * One line of the log for each call that is refused, with `audit: true`. A pod or an address that is refused in a loop
 * gets one line in ten seconds after the first twenty; each says how many went before it without one (`unlogged`).
 */
export class Audit {
  private readonly buckets = new Map<string, Bucket>()

  constructor(
    private readonly log: Log,
    private readonly clock: Clock,
    private readonly metrics?: Metrics,
  ) {}

  /** Writes the line. */
  refused({ request, route, job, pod, why }: RefusedCall): void {
    const from = remoteAddress(request)
    const { method } = request
    this.metrics?.gateway.refused(route)
    this.line(pod ?? from, { method, path: pathOf(request), route, from, job, pod, why })
  }

  /** Writes the line of something that came over a connection and was no call. */
  broken(from: string, why: string): void {
    this.metrics?.gateway.refused(undefined)
    this.line(from, { from, why })
  }

  private line(who: string, fields: object): void {
    const bucket = this.bucket(who)
    if (bucket.lines < 1) {
      bucket.unlogged += 1
      return
    }
    bucket.lines -= 1
    const unlogged = bucket.unlogged || undefined
    bucket.unlogged = 0
    this.log.warn({ audit: true, ...fields, unlogged }, 'call refused')
  }

  private bucket(who: string): Bucket {
    const now = steadily(this.clock)
    const bucket = this.buckets.get(who) ?? { lines: burst, at: now, unlogged: 0 }
    bucket.lines = Math.min(burst, bucket.lines + (now - bucket.at) / perLineMs)
    bucket.at = now
    // The one that was heard of last goes last, so that the first is the one to forget.
    this.buckets.delete(who)
    this.buckets.set(who, bucket)
    const [oldest] = this.buckets.keys()
    if (this.buckets.size > mostBuckets && oldest !== undefined) this.buckets.delete(oldest)
    return bucket
  }
}

// Without the query, which may hold what is a secret; an absolute URL may hold a password.
function pathOf({ url = '' }: IncomingMessage): string {
  return url.startsWith('/') ? (url.split('?')[0] ?? '').slice(0, 200) : '(not a path)'
}
