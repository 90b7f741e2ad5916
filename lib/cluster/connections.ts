import type { KubeConfig } from '@kubernetes/client-node'
import type { Dispatcher } from 'undici'
import { steadily, type Clock } from '../clock.js'
import {
  connectionPool,
  freshConfig,
  readCredentials,
  sameConnections,
  type Credentials,
} from './credentials.js'

/** How long credentials are used before the files and plugins behind them are asked again. */
const credentialsMs = 5_000

/** What connections are made of. */
export interface ConnectionsOptions {
  config: KubeConfig
  clock: Clock
  /** Milliseconds. */
  connectTimeout: number
  /** Puts something between those who send and the connections, such as a fence. */
  wrap: (pool: Dispatcher) => Dispatcher
}

/** Our credentials of the moment and the connections made with them. */
export class Connections {
  /** The server's URL, without a slash at the end. */
  readonly server: string
  readonly #options: ConnectionsOptions
  readonly #retired = new Set<Dispatcher>()
  #config: KubeConfig
  #read: { at: number; credentials: Promise<Credentials> } | undefined
  #pool: { credentials: Credentials; pool: Dispatcher; dispatcher: Dispatcher } | undefined

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#config = freshConfig(options.config)
    this.server = this.#config.getCurrentCluster()?.server.replace(/\/+$/, '') ?? ''
  }

  /**
   * What to send the next request with; new connections when the certificates have changed.
   * @throws ClusterError (retry) when the credentials cannot be had
   */
  async current(): Promise<{ credentials: Credentials; dispatcher: Dispatcher }> {
    const credentials = await this.#credentials()
    if (!this.#pool || !sameConnections(this.#pool.credentials, credentials)) {
      this.#retire()
      const proxy = this.#config.getCurrentCluster()?.proxyUrl
      const { connectTimeout, wrap } = this.#options
      const pool = connectionPool(credentials, { proxy, connectTimeout })
      this.#pool = { credentials, pool, dispatcher: wrap(pool) }
    }
    return { credentials, dispatcher: this.#pool.dispatcher }
  }

  /**
   * Forgets the credentials that were refused with a 401, and their connections. Of many requests that were refused
   * together only the first does so, or they would undo each other's renewal.
   */
  renew(refused: Dispatcher): void {
    if (this.#pool?.dispatcher !== refused) return
    this.#config = freshConfig(this.#config)
    this.#read = undefined
    this.#retire()
  }

  /** Ends all connections at once. */
  async close(): Promise<void> {
    this.#retire()
    await Promise.all([...this.#retired].map(dispatcher => dispatcher.destroy()))
  }

  /** Read by one request for all that come at the same time: a plugin is then run once. */
  #credentials(): Promise<Credentials> {
    const now = steadily(this.#options.clock)
    if (this.#read && now - this.#read.at < credentialsMs) return this.#read.credentials
    const read = { at: now, credentials: readCredentials(this.#config) }
    this.#read = read
    read.credentials.catch(() => {
      if (this.#read === read) this.#read = undefined
    })
    return read.credentials
  }

  /** What is under way on the old connections may end; nothing new is sent on them. */
  #retire(): void {
    const old = this.#pool?.pool
    this.#pool = undefined
    if (!old) return
    this.#retired.add(old)
    const done = () => this.#retired.delete(old)
    old.close().then(done, done)
  }
}
