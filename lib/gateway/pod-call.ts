import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.js'
import type { ListenAddress } from '../config/formats.js'
import type { Log } from '../log.js'
import type { GatewayRun } from './gateway-run.js'
import type { Match } from './routes.js'

/** What the gateway is made of. */
export interface GatewayOptions {
  listen: ListenAddress
  dispatcher: Dispatcher
  log: Log
  clock: Clock
  /** The run of a job, while it is known: also for a while after it has ended. */
  find: (jobId: string) => GatewayRun | undefined
  /** False until the runs of an earlier process are known again. */
  ready: () => boolean
  /** What /readyz says: undefined when all is well, else why not. */
  unready: () => string | undefined
}

/** One call of a pod's agent, matched and proved. */
export interface PodCall {
  request: IncomingMessage
  response: ServerResponse
  match: Match
  run: GatewayRun
  /** The path below /v3, with its query. */
  target: string
  query: URLSearchParams
}
