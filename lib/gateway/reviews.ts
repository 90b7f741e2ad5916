import { createHash } from 'node:crypto'
import { steadily, type Clock } from '../clock.js'
import type { ProvenPod } from './gateway-run.js'

type Identify = (token: string) => Promise<ProvenPod | undefined>

const refusedMs = 10_000
const mostRefused = 1_000

/** What a review has found: the pod; nobody, and for the first time; nobody, as before. */
export type Reviewed = ProvenPod | 'doubted' | 'refused'

interface Refused {
  at: number
  times: number
}

/**
 * Whose service account token it is. Nobody's is a token when that has been said twice: what the API server could not
 * look up, as when its store is away for a moment, it calls invalid (kubernetes: pkg/serviceaccount/claims.go). A token
 * that was refused is not asked about again for ten seconds, and one that is being asked about is asked about once; what
 * was found good is never kept, because its pod may go at any time.
 */
export class Reviews {
  private readonly underWay = new Map<string, Promise<Reviewed>>()
  private readonly refused = new Map<string, Refused>()

  constructor(
    private readonly identify: Identify,
    private readonly clock: Clock,
  ) {}

  /** Whether the token was refused just now. */
  refusedLately(token: string): boolean {
    const { at, times } = this.refused.get(hash(token)) ?? { at: -Infinity, times: 0 }
    return times > 1 && steadily(this.clock) - at < refusedMs
  }

  /** @throws what `identify` throws: it is not known now. */
  async podOf(token: string): Promise<Reviewed> {
    const key = hash(token)
    let review = this.underWay.get(key)
    if (!review) {
      review = this.review(token, key).finally(() => this.underWay.delete(key))
      this.underWay.set(key, review)
    }
    return review
  }

  private async review(token: string, key: string): Promise<Reviewed> {
    const pod = await this.identify(token)
    const times = (this.refused.get(key)?.times ?? 0) + 1
    this.refused.delete(key)
    if (pod) return pod
    this.refused.set(key, { at: steadily(this.clock), times })
    const [oldest] = this.refused.keys()
    if (this.refused.size > mostRefused && oldest !== undefined) this.refused.delete(oldest)
    return times > 1 ? 'refused' : 'doubted'
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
