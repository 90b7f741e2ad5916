import type { Clock } from '../clock.js'

// After the API server was away, kubelets take up to this long to tell it how their pods are.
const settleMs = 45_000

/**
 * What a pod's status says is what its kubelet told last. After the API server was away, that is old, also in a fresh
 * answer of the API server's: patience with a pod that does not start must not run out over it.
 */
export class Settling {
  private awayAt = -Infinity
  private known = false

  constructor(private readonly clock: Clock) {}

  /** The API server is away, or does not answer. */
  away(): void {
    this.awayAt = this.clock.now()
  }

  /** A list is complete. Only the first is none of a watch that had broken off. */
  listed(): void {
    if (this.known) this.away()
    this.known = true
  }

  /** The time by which to judge how long a pod has waited: none has waited at all until kubelets have had their say. */
  judgingTime(): number {
    const now = this.clock.now()
    return now - this.awayAt < settleMs ? 0 : now
  }
}
