import type { V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { awaitedClaims, shortestClaimGraceMs } from '../pod/verdict/claims.js'
import { podStart } from '../pod/verdict/status.js'
import type { PodClaim, SeenClaim } from '../pod/verdict/verdict.js'
import { Looks, unlessForbidden } from './looks.js'

// What is asked for one pod's sake is bounded.
const mostClaims = 8

/** When to look at the claims of pods that no node takes: after ten seconds, then in pauses that grow with the wait. */
export class ClaimLooks extends Looks {
  /** Whether the pod may be waiting for a claim, and it is time to look; it is taken for looked at then. */
  dueFor(pod: V1Pod, now: number): boolean {
    if (awaitedClaims(pod).length === 0) return false
    return this.due(pod, { start: podStart(pod) ?? now, graceMs: shortestClaimGraceMs, now })
  }
}

/** The claims that a pod may be waiting for, with what the API server says of them. One that we may not read is left out. */
export async function seeClaims(
  pod: V1Pod | undefined,
  { cluster, log }: { cluster: Pick<Cluster, 'getClaim' | 'events'>; log: Log },
): Promise<SeenClaim[]> {
  const wanted = pod ? awaitedClaims(pod).slice(0, mostClaims) : []
  const seen = await Promise.all(
    wanted.map(claim =>
      unlessForbidden(seeClaim(claim, cluster), error =>
        log.warn({ err: error, claim: claim.name }, 'claim not readable, the pod waits unjudged'),
      ),
    ),
  )
  return seen.filter(claim => claim !== undefined)
}

async function seeClaim(
  claim: PodClaim,
  cluster: Pick<Cluster, 'getClaim' | 'events'>,
): Promise<SeenClaim> {
  const object = await cluster.getClaim(claim.name)
  return { ...claim, object, events: object ? await cluster.events(claim.name) : [] }
}
