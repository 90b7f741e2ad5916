import { createHash } from 'node:crypto'
import type { Clock } from '../clock.js'
import type { ProvenPod } from './gateway-run.js'

type Identify = (token: string) => Promise<ProvenPod | undefined>

const refusedMs = 10_000
const mostRefused = 1_000

/**
 * Whose service account token it is. A token that was refused is not asked about again for ten seconds, and one that is
 * being asked about is asked about once; what was found good is never kept, because its pod may go at any time.
 */
export class Reviews {
  private readonly underWay = new Map<string, Promise<ProvenPod | undefined>>()
  private readonly refused = new Map<string, number>()

  constructor(
    private readonly identify: Identify,
    private readonly clock: Clock,
  ) {}

  /** Whether the token was refused just now. */
  refusedLately(token: string): boolean {
    const at = this.refused.get(hash(token))
    const since = at === undefined ? Infinity : this.clock.now() - at
    return since >= 0 && since < refusedMs
  }

  /** The pod, or undefined when it is nobody's token. @throws what `identify` throws: it is not known now. */
  async podOf(token: string): Promise<ProvenPod | undefined> {
    const key = hash(token)
    let review = this.underWay.get(key)
    if (!review) {
      review = this.identify(token).finally(() => this.underWay.delete(key))
      this.underWay.set(key, review)
    }
    const pod = await review
    if (!pod) this.remember(key)
    return pod
  }

  private remember(key: string): void {
    this.refused.delete(key)
    this.refused.set(key, this.clock.now())
    const [oldest] = this.refused.keys()
    if (this.refused.size > mostRefused && oldest !== undefined) this.refused.delete(oldest)
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
