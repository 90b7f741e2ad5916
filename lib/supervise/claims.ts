import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { awaitedClaims, shortestClaimGraceMs } from '../pod/verdict/claims.js'
import { podStart } from '../pod/verdict/status.js'
import type { PodClaim, SeenClaim } from '../pod/verdict/verdict.js'
import { unlessForbidden } from './unless-forbidden.js'

// What is asked for one pod's sake is bounded.
const mostClaims = 8

// Claims are in no watch. A pod may wait for long, and many may: looking comes to less with time.
const shortestPauseMs = 20_000
const longestPauseMs = 300_000

// Unless an event says that something has happened.
const newsPauseMs = 2_000

/** When the claims of a pod were last looked at, and what was known of them from events then. */
export interface ClaimLook {
  at: number
  news: string
}

/** Whether the claims of a pod that no node takes are to be looked at: after ten seconds, then in pauses that grow. */
export function isClaimLookDue(
  pod: V1Pod,
  last: ClaimLook | undefined,
  { now, news }: { now: number; news: string },
): boolean {
  if (awaitedClaims(pod).length === 0) return false
  const start = podStart(pod) ?? now
  if (!last) return now >= start + shortestClaimGraceMs
  if (news !== last.news && now >= last.at + newsPauseMs) return true
  return now >= last.at + Math.min(Math.max(last.at - start, shortestPauseMs), longestPauseMs)
}

/** What events say, as a word that changes when they say something else. */
export function newsOf(events: readonly CoreV1Event[]): string {
  return events.map(({ metadata, reason, message }) => [metadata.name, reason, message]).join('\n')
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
