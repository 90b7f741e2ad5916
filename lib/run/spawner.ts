import { setMaxListeners } from 'node:events'
import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Config } from '../config/config.js'
import { Gateway } from '../gateway/server.js'
import { Ledger } from '../ledger/ledger.js'
import type { Log } from '../log.js'
import { check } from '../schemas.js'
import { SlotPool } from '../slots/pool.js'
import { deleteLingering, deleteOrphans } from '../supervise/cleanup.js'
import { Supervisor } from '../supervise/supervisor.js'
import { Connection } from '../upstream/connection.js'
import { podSettings } from './pod-settings.js'
import { Records } from './records.js'
import { recover } from './recover.js'
import type { Run } from './run.js'
import { Runs } from './runs.js'
import { takeJob, type RunContext } from './take.js'

/** What the job spawner is made of. */
export interface SpawnerOptions {
  config: Config
  cluster: Cluster
  log: Log
  clock: Clock
  /** `http://host:port` at which pods reach the gateway that listens on `port`. @throws Problem GATEWAY_URL_UNKNOWN. */
  gatewayUrl: (port: number) => Promise<string>
  onManifest?: (job: V1Job) => void
}

// A third of a second of one CPU: at the first job with a plugin, the gateway and all heartbeats would wait for it.
function compilePluginSchema(): void {
  check('kubernetes-plugin', {}, { code: 'INTERNAL', where: 'schemas', message: 'schema unusable' })
}

/** The whole program behind `job-spawner run`: its parts, in the order in which they start and stop. */
export class JobSpawner {
  private readonly stopping = new AbortController()
  private readonly connection: Connection
  private readonly runs: Runs
  private readonly gateway: Gateway
  private readonly ledger: Ledger
  private readonly records: Records
  private readonly supervisor: Supervisor
  private readonly pool: SlotPool
  private context: RunContext | undefined
  private restored = false

  constructor(private readonly options: SpawnerOptions) {
    const { config, cluster, log, clock } = options
    // Every part listens to it: that is no leak.
    setMaxListeners(0, this.stopping.signal)
    this.connection = new Connection({ log, clock })
    this.runs = new Runs(clock)
    this.ledger = new Ledger({
      secrets: cluster.secrets,
      instance: config.instance,
      log,
      clock,
      signal: this.stopping.signal,
    })
    this.records = new Records(this.ledger)
    this.supervisor = new Supervisor({
      cluster,
      instance: this.owner,
      log,
      clock,
      find: jobId => this.runs.find(jobId),
      open: () => this.runs.open(),
    })
    this.gateway = this.makeGateway()
    this.pool = this.makePool()
  }

  /**
   * Ledger and cluster first, so that nothing is lost; then the gateway, which the pods of an earlier process are
   * waiting for; then new jobs.
   * @throws Problem when a part can't start; the process is to end then.
   */
  async start(): Promise<void> {
    const { config, cluster, log, clock, onManifest } = this.options
    compilePluginSchema()
    const port = await this.gateway.listen()
    const gatewayUrl = await this.options.gatewayUrl(port)
    log.info({ port, gatewayUrl }, 'gateway listening')
    this.context = {
      cluster,
      clock,
      log,
      onManifest,
      connection: this.connection,
      records: this.records,
      runs: this.runs,
      pod: {
        ...podSettings(config),
        instance: this.owner,
        gatewayEndpoint: `${gatewayUrl}/v3`,
      },
      afterRun: run => void this.afterRun(run),
    }
    const records = await this.ledger.load()
    for (const slot of this.ledger.unreadable) this.pool.slot(slot).state = 'stopped'
    void this.supervisor.run(this.stopping.signal)
    await recover(records, { pool: this.pool, supervisor: this.supervisor, context: this.context })
    this.restored = true
    void this.cleanUp()
    await this.pool.start()
  }

  /** No new jobs; resolves when the running ones have ended and all agents are disconnected. */
  async drain(): Promise<void> {
    await this.pool.drain()
    await this.pool.idle()
  }

  // Whose Jobs are ours: two installations may have one name and share the Jobs' namespace, but never a ledger.
  private get owner(): string {
    return `${this.options.cluster.ledgerNamespace}.${this.options.config.instance}`
  }

  /** How many jobs run. */
  get running(): number {
    return this.runs.open().length
  }

  /** Leaves what still runs to the next process, and stops. */
  async close(): Promise<void> {
    await Promise.all(this.runs.open().map(run => run.handOver()))
    this.pool.abandon()
    this.stopping.abort()
    await this.gateway.close()
    await this.connection.close()
    await this.options.cluster.close()
  }

  /** Resolves when upstream has told every agent of ours to disconnect, as from its web page. */
  async dismissed(): Promise<void> {
    await this.pool.allStopped()
    await this.pool.idle()
  }

  private makeGateway(): Gateway {
    const { config, log, clock } = this.options
    return new Gateway({
      listen: config.gatewayListen,
      dispatcher: this.connection.dispatcher,
      log: log.child({ part: 'gateway' }),
      clock,
      find: jobId => this.runs.find(jobId),
      ready: () => this.restored,
      unready: () => (this.restored ? undefined : 'reading the ledger'),
    })
  }

  private makePool(): SlotPool {
    const { config, log, clock } = this.options
    return new SlotPool({
      endpoint: config.endpoint,
      token: config.token,
      tags: config.tags,
      name: config.name,
      size: config.maxInFlight,
      connection: this.connection,
      log,
      clock,
      keep: (slot, session) => this.records.setSession(slot.index, session),
      forget: slot => this.records.forget(slot.index),
      work: async (slot, jobId) => this.context !== undefined && takeJob(slot, jobId, this.context),
    })
  }

  private async afterRun(run: Run): Promise<void> {
    const { cluster, log, clock } = this.options
    await deleteLingering(run, { cluster, log, clock }, this.stopping.signal)
  }

  private async cleanUp(): Promise<void> {
    const { cluster, log, clock } = this.options
    // A record that can't be read may be that of a Job which then only looks like an orphan.
    if (!(await this.supervisor.synced()) || this.ledger.unreadable.size > 0) return
    await deleteOrphans(this.supervisor.knownJobs(), jobId => this.runs.find(jobId) !== undefined, {
      cluster,
      log,
      clock,
    })
  }
}
