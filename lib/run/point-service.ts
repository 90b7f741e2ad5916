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
