import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.js'
import type { ListenAddress } from '../config/formats.js'
import type { Fence } from '../fence.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Audit } from './audit.js'
import type { Crowd } from './crowd.js'
import type { GatewayRun, PodAddresses, ProvenPod } from './gateway-run.js'
import type { Hold } from './hold.js'
import type { GatewayLimits } from './limits.js'
import type { Patience } from './patience.js'
import type { Reviews } from './reviews.js'
import type { Match } from './routes.js'
import type { UpstreamHealth } from './upstream-health.js'

/**
 * Whether this process serves pods: another one does (`standby`), it does but does not know the runs of the one before
 * yet (`starting`), it does (`leading`).
 */
export type GatewayState = 'standby' | 'starting' | 'leading'

/** What the gateway is made of. */
export interface GatewayOptions {
  listen: ListenAddress
  dispatcher: Dispatcher
  log: Log
  clock: Clock
  /** The run of a job, while it is known: also for a while after it has ended. */
  find: (jobId: string) => GatewayRun | undefined
  /** False while there may be runs that this process does not know, as with a record that it can't read. */
  allKnown?: () => boolean
  /** Whose service account token it is; undefined when it is nobody's. Throws `ClusterError` when that is not known now. */
  identify: (token: string) => Promise<ProvenPod | undefined>
  /** The run whose Job made the pod. Throws `ClusterError` when that is not known now. */
  findOfPod: (pod: ProvenPod) => Promise<GatewayRun | undefined>
  /** Its addresses as the API server gives them now. Without it no token is tied to an address. Throws `ClusterError`. */
  addressesOf?: (pod: ProvenPod) => Promise<PodAddresses>
  /** Closed while this process may not write upstream: calls wait for it. */
  fence: Fence
  /** Whether a job may reach builds other than its own. */
  allowOtherBuilds: boolean
  /** Looked at for each call, and ten times a second while calls wait for it. */
  state: () => GatewayState
  /** What /warmz says: undefined when this process could lead at once, else why not. */
  cold: () => string | undefined
  metrics?: Metrics
  /** For tests. */
  limits?: Partial<GatewayLimits>
}

/** What the answers to calls share. */
export interface GatewayParts {
  options: GatewayOptions
  limits: GatewayLimits
  audit: Audit
  hold: Hold
  /** How many calls each pod has under way. */
  crowd: Crowd
  reviews: Reviews
  /** Where the pods of runs have been seen at addresses of their own: nobody registers for these from elsewhere. */
  places: WeakMap<GatewayRun, readonly string[]>
  /** How many are being admitted. */
  reviewers: Crowd
  health: UpstreamHealth
}

/** One call of a pod's agent, matched and proved. */
export interface PodCall {
  request: IncomingMessage
  response: ServerResponse
  match: Match
  run: GatewayRun
  /** The pod that the token names, and the addresses from which it may be used; any when there are none. */
  pod: { uid: string; addresses: readonly string[] }
  /** The path below /v3, with its query. */
  target: string
  query: URLSearchParams
  patience: Patience
}
