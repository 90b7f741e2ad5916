import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Config } from '../config/config.js'
import type { Fence } from '../fence.js'
import type { Holder } from '../lease/holder.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'

/** What the job spawner is made of. */
export interface SpawnerOptions {
  config: Config
  cluster: Cluster
  /** Closed until we hold the lease; `cluster` writes through it as well. */
  fence: Fence
  /** Who we are to the other replicas. */
  holder: Holder
  /** The pod that we are in, when it is in the ledger's namespace. */
  pod?: { name: string; uid: string } | undefined
  log: Log
  clock: Clock
  /** `http://host:port` at which pods reach the gateway that listens on `port`. @throws Problem GATEWAY_URL_UNKNOWN. */
  gatewayUrl: (port: number) => Promise<string>
  onManifest?: (job: V1Job) => void
  /** What is counted and measured goes there. */
  metrics?: Metrics | undefined
}
