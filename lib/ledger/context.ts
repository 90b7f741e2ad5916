import type { V1Secret } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import { isClusterError, isNotFound } from '../cluster/cluster-error.js'
import type { SecretVerbs } from '../cluster/secrets.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Claim } from './claim.js'

/** What all parts of the ledger work with. */
export interface LedgerContext {
  secrets: SecretVerbs
  instance: string
  log: Log
  clock: Clock
  signal: AbortSignal | undefined
  claim: Claim
  metrics?: Metrics
}

/** The verbs, as long as nobody has fenced us off: writes throw Problem LEASE_LOST from then on. */
export function fencedSecrets(secrets: SecretVerbs, claim: Claim): SecretVerbs {
  return {
    namespace: secrets.namespace,
    list: page => secrets.list(page),
    get: name => secrets.get(name),
    create: async secret => {
      claim.check()
      return secrets.create(secret)
    },
    replace: async secret => {
      claim.check()
      return secrets.replace(secret)
    },
    delete: async (name, precondition) => {
      claim.check()
      return secrets.delete(name, precondition)
    },
  }
}

/** How often something that others' writes overtake is tried again at once; after that it counts as a passing fault. */
export const mostOvertakes = 5

/** The Secret as it is now. Throws `ClusterError`. */
export async function currentSecret(
  { secrets }: LedgerContext,
  name: string,
): Promise<V1Secret | undefined> {
  try {
    return await secrets.get(name)
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

/** Names a Secret of the ledger for a person. */
export function whereIs({ secrets }: LedgerContext, name: string): string {
  return `Secret ${secrets.namespace}/${name}`
}

/**
 * Acts again and again while the fault is a passing one.
 * @throws what does not pass, and the signal's reason when it is aborted first
 */
export async function patiently<T>(
  { clock, log, signal }: LedgerContext,
  what: string,
  act: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await act()
    } catch (error) {
      if (!isClusterError(error) || error.disposition === 'final') throw error
      const ms = Math.max(backoffMs(attempt, clock.random()), error.retryAfterMs ?? 0)
      log.warn({ err: error, what, attempt, ms }, 'ledger waits')
      await clock.sleep(ms, signal)
    }
  }
}
