import { setMaxListeners } from 'node:events'
import type { V1Job } from '@kubernetes/client-node'
import { orAfter, type Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { PodIdentity } from '../cluster/token-review.js'
import type { Config } from '../config/config.js'
import type { Problem } from '../errors.js'
import type { Fence } from '../fence.js'
import type { GatewayState } from '../gateway/pod-call.js'
import { Gateway } from '../gateway/server.js'
import { Elector } from '../lease/elector.js'
import type { Holder } from '../lease/holder.js'
import { Ledger } from '../ledger/ledger.js'
import type { Log } from '../log.js'
import { tokenAudience } from '../pod-token.js'
import { check } from '../schemas.js'
import { SlotPool } from '../slots/pool.js'
import { deleteLingering, deleteOrphans } from '../supervise/cleanup.js'
import { Supervisor } from '../supervise/supervisor.js'
import { Connection } from '../upstream/connection.js'
import { addressesOfPod, runOfPod } from './pod-binding.js'
import { podSettings } from './pod-settings.js'
import { pointServiceAtUs, untilServiceLeadsElsewhere } from './point-service.js'
import { Records } from './records.js'
import { recover } from './recover.js'
import type { Run } from './run.js'
import { Runs } from './runs.js'
import { takeJob, type RunContext } from './take.js'

// What is on its way upstream may end before we leave: a chunk of a log, mostly.
const quiesceMs = 2_000
// The lease may be over meanwhile, or the API server away: the next process can do without.
const handOverMs = 5_000

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
}

// A third of a second of one CPU: at the first job with a plugin, the gateway and all heartbeats would wait for it.
function compilePluginSchema(): void {
  check('kubernetes-plugin', {}, { code: 'INTERNAL', where: 'schemas', message: 'schema unusable' })
}

/**
 * The whole program behind `job-spawner run`: its parts, in the order in which they start and stop. It stands by until
 * it holds the lease, leads from then on, and is done when another has the lease.
 */
export class JobSpawner {
  private readonly stopping = new AbortController()
  private readonly connection: Connection
  private readonly runs: Runs
  private readonly gateway: Gateway
  private readonly elector: Elector
  private readonly ledger: Ledger
  private readonly records: Records
  private readonly supervisor: Supervisor
  private readonly pool: SlotPool
  private context: RunContext | undefined
  private state: GatewayState = 'standby'
  private warm = false
  private readonly ledgerLost: Promise<Problem>
  private outrun!: (problem: Problem) => void

  constructor(private readonly options: SpawnerOptions) {
    const { config, cluster, fence, log, clock } = options
    // Every part listens to it: that is no leak.
    setMaxListeners(0, this.stopping.signal)
    this.ledgerLost = new Promise(resolve => {
      this.outrun = problem => {
        // Before anything else is written: the ledger is the last word on who leads.
        void this.elector.release()
        resolve(problem)
      }
    })
    this.connection = new Connection({ log, clock, fence })
    this.runs = new Runs(clock)
    this.elector = this.makeElector()
    this.ledger = new Ledger({
      secrets: cluster.secrets,
      instance: config.instance,
      log,
      clock,
      signal: this.stopping.signal,
      onFenced: problem => this.outrun(problem),
    })
    this.records = new Records(this.ledger)
    this.supervisor = new Supervisor({
      cluster,
      fence,
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
   * Stands by, leads, and takes jobs: resolves when the first agent is connected.
   * @throws Problem when a part can't start; the process is to end then.
   */
  async start(): Promise<void> {
    const port = await this.standBy()
    await this.lead(port)
  }

  /** Rejects with a Problem when another process has the lease: this one may do nothing more. */
  async lost(): Promise<never> {
    throw await Promise.race([this.elector.lost, this.ledgerLost])
  }

  /** Everything that needs no lease, so that taking over is quick; resolves to the gateway's port when we hold it. */
  private async standBy(): Promise<number> {
    const { cluster, log } = this.options
    compilePluginSchema()
    await cluster.checkTokenReviews()
    const port = await this.gateway.listen()
    const gatewayUrl = await this.options.gatewayUrl(port)
    log.info({ port, gatewayUrl }, 'gateway listening')
    this.context = this.makeContext(gatewayUrl)
    void this.supervisor.run(this.stopping.signal)
    void this.supervisor.synced().then(synced => (this.warm = synced))
    await this.elector.acquire(this.stopping.signal)
    return port
  }

  /**
   * Ledger and cluster first, so that nothing is lost; then the gateway, which the pods of an earlier process are
   * waiting for; then new jobs.
   */
  private async lead(port: number): Promise<void> {
    const { clock, log } = this.options
    const from = clock.now()
    this.state = 'starting'
    void this.ownService(port)
    const context = this.context as RunContext
    const records = await this.ledger.load()
    for (const slot of this.ledger.unreadable) this.pool.slot(slot).state = 'stopped'
    await recover(records, { pool: this.pool, supervisor: this.supervisor, context })
    this.state = 'leading'
    log.info({ runs: this.runs.open().length, ms: clock.now() - from }, 'leading')
    void this.cleanUp()
    await this.pool.start()
  }

  /** No new jobs; resolves when the running ones have ended and all agents are disconnected. */
  async drain(): Promise<void> {
    if (this.state === 'standby') return
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

  /** Leaves what still runs to the next process, which may go on at once, and stops. */
  async close(): Promise<void> {
    this.pool.abandon()
    // Without the lease there is nothing that we may still write: the next process has what the ledger has.
    if (this.options.fence.open) await this.handOver()
    this.runs.abandon()
    this.stopping.abort()
    await this.elector.release()
    await this.leaveService()
    await this.gateway.close()
    await this.connection.close()
    await this.options.cluster.close()
  }

  /** Resolves when upstream has told every agent of ours to disconnect, as from its web page. */
  async dismissed(): Promise<void> {
    await this.pool.allStopped()
    await this.pool.idle()
  }

  // Positions of logs are good only when nothing is on its way any more.
  private async handOver(): Promise<void> {
    const { clock, log } = this.options
    const done = this.gateway
      .quiesce(quiesceMs)
      .then(() => this.runs.handOver())
      .catch((error: unknown) => log.warn({ err: error }, 'not all is handed over'))
    await orAfter(done, handOverMs, { clock, instead: undefined })
  }

  private async ownService(port: number): Promise<void> {
    const { cluster, pod, log, clock } = this.options
    const { signal } = this.stopping
    const place = this.place()
    if (place) await pointServiceAtUs({ ...place, port, pod }, { cluster, log, clock, signal })
  }

  // Pods come to our address for as long as the Service leads here, and nobody is there when we are gone.
  private async leaveService(): Promise<void> {
    const { cluster, log, clock } = this.options
    const place = this.state === 'standby' ? undefined : this.place()
    if (place) await untilServiceLeadsElsewhere(place, { cluster, log, clock })
  }

  private place(): { service: string; address: string } | undefined {
    const { gatewayService: service, gatewayAddress: address } = this.options.config
    return service === undefined || address === undefined ? undefined : { service, address }
  }

  private makeElector(): Elector {
    const { config, cluster, fence, holder, log, clock } = this.options
    return new Elector({
      leases: cluster.leases,
      instance: config.instance,
      holder,
      fence,
      log: log.child({ part: 'lease' }),
      clock,
      durationMs: config.leaseDuration,
      // A Lease that somebody has deleted under a leader is not up for grabs.
      mayBeHeld: () => this.ledger.exists(),
    })
  }

  private makeContext(gatewayUrl: string): RunContext {
    const { config, cluster, log, clock, onManifest } = this.options
    return {
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
  }

  private makeGateway(): Gateway {
    const { config, cluster, fence, log, clock } = this.options
    return new Gateway({
      listen: config.gatewayListen,
      dispatcher: this.connection.dispatcher,
      log: log.child({ part: 'gateway' }),
      clock,
      fence,
      allowOtherBuilds: config.allowOtherBuilds,
      find: jobId => this.runs.find(jobId),
      identify: token => this.identify(token),
      findOfPod: pod => runOfPod(pod, { cluster, runs: this.runs }),
      addressesOf: pod => addressesOfPod(pod, cluster),
      state: () => this.state,
      cold: () => (this.warm ? this.pool.unusable() : 'waiting for the Jobs and pods that exist'),
    })
  }

  // A pod elsewhere may have the name of one of ours.
  private async identify(token: string): Promise<PodIdentity | undefined> {
    const { cluster } = this.options
    const pod = await cluster.reviewToken(token, tokenAudience)
    return pod?.namespace === cluster.namespace ? pod : undefined
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
