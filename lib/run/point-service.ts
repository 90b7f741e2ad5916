import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import type { Cluster } from '../cluster/cluster.js'
import type { GatewayEndpoint } from '../cluster/gateway-endpoints.js'
import type { Log } from '../log.js'

/** What pointing the Service at us needs. The signal ends it. */
export interface PointServiceContext {
  cluster: Pick<Cluster, 'pointService'>
  log: Log
  clock: Clock
  signal: AbortSignal
}

/** Makes the gateway's Service lead to this process, however long that takes: no pod reaches us without. Never rejects. */
export async function pointServiceAtUs(
  endpoint: Omit<GatewayEndpoint, 'namespace'>,
  { cluster, log, clock, signal }: PointServiceContext,
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await cluster.pointService(endpoint)
      return log.info({ ...endpoint }, 'the Service leads to us')
    } catch (error) {
      log.error({ err: error, ...endpoint }, 'the Service does not lead to us, trying again')
      await clock.sleep(backoffMs(attempt, clock.random()), signal).catch(() => undefined)
    }
  }
}

// A standby goes on within two seconds, and a pod that is made anew within some ten.
const successorMs = 20_000
const lookMs = 250
// kube-proxy writes its rules at most once a second, and later on a busy node.
const rulesMs = 3_000

/**
 * Waits until the Service leads to the next process, or for twenty seconds, and for the nodes to follow. A Service that
 * leads nowhere for a moment is worse than one that leads to a gateway which sends its pods away: what goes to its
 * address just then may end anywhere. Never rejects.
 */
export async function untilServiceLeadsElsewhere(
  endpoint: Pick<GatewayEndpoint, 'service' | 'address'>,
  { cluster, log, clock }: { cluster: Pick<Cluster, 'serviceAddresses'>; log: Log; clock: Clock },
): Promise<void> {
  const until = clock.now() + successorMs
  try {
    while ((await cluster.serviceAddresses(endpoint)).includes(endpoint.address)) {
      if (clock.now() >= until) return log.warn('no other process has taken the Service over')
      await clock.sleep(lookMs)
    }
    await clock.sleep(rulesMs)
  } catch (error) {
    // The installation is being taken away, or the API server is.
    log.info({ err: error }, 'where the Service leads is not known')
  }
}
