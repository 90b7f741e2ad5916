import { setMaxListeners } from 'node:events'
import { orAfter } from '../clock.js'
import type { Problem } from '../errors.js'
import type { GatewayState } from '../gateway/pod-call.js'
import { check } from '../schemas.js'
import type { StatusSource } from '../status/status.js'
import { makeParts, type Parts } from './parts.js'
import { podSettings } from './pod-settings.js'
import { pointServiceAtUs, untilServiceLeadsElsewhere } from './point-service.js'
import { recover } from './recover.js'
import type { Run } from './run.js'
import type { SpawnerOptions } from './spawner-options.js'
import type { RunContext } from './take.js'

// What is on its way upstream may end before we leave: a chunk of a log, mostly.
const quiesceMs = 2_000
// The lease may be over meanwhile, or the API server away: the next process can do without.
const handOverMs = 5_000

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
  private readonly parts: Parts
  private context: RunContext | undefined
  private state: GatewayState = 'standby'
  private warm = false
  private leaving = false
  private readonly ledgerLost: Promise<Problem>
  private outrun!: (problem: Problem) => void

  constructor(private readonly options: SpawnerOptions) {
    // Every part listens to it: that is no leak.
    setMaxListeners(0, this.stopping.signal)
    this.ledgerLost = new Promise(resolve => {
      this.outrun = problem => {
        // Before anything else is written: the ledger is the last word on who leads.
        void this.parts.elector.release()
        resolve(problem)
      }
    })
    this.parts = makeParts(options, {
      owner: this.owner,
      signal: this.stopping.signal,
      outrun: problem => this.outrun(problem),
      state: () => this.state,
      stopping: () => this.leaving,
      warm: () => this.warm,
      context: () => this.context,
    })
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
    throw await Promise.race([this.parts.elector.lost, this.ledgerLost])
  }

  /** Everything that needs no lease, so that taking over is quick; resolves to the gateway's port when we hold it. */
  private async standBy(): Promise<number> {
    const { cluster, log } = this.options
    compilePluginSchema()
    await cluster.checkTokenReviews()
    const port = await this.parts.gateway.listen()
    const gatewayUrl = await this.options.gatewayUrl(port)
    log.info({ port, gatewayUrl }, 'gateway listening')
    this.context = this.makeContext(gatewayUrl)
    void this.parts.supervisor.run(this.stopping.signal)
    void this.parts.supervisor.synced().then(synced => (this.warm = synced))
    await this.parts.elector.acquire(this.stopping.signal)
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
    const records = await this.parts.ledger.load()
    for (const slot of this.parts.ledger.unreadable) this.parts.pool.slot(slot).state = 'stopped'
    await recover(records, { pool: this.parts.pool, supervisor: this.parts.supervisor, context })
    this.state = 'leading'
    log.info({ runs: this.parts.runs.open().length, ms: clock.now() - from }, 'leading')
    void this.cleanUp()
    await this.parts.pool.start()
  }

  /** What the program does, for people; undefined without metrics. */
  get status(): StatusSource | undefined {
    return this.parts.status
  }

  /** Why pods may not be led here; undefined when they may. */
  unready(): string | undefined {
    return this.parts.gateway.unready()
  }

  /** No new jobs; resolves when the running ones have ended and all agents are disconnected. */
  async drain(): Promise<void> {
    this.leaving = true
    if (this.state === 'standby') return
    await this.parts.pool.drain()
    await this.parts.pool.idle()
  }

  // Whose Jobs are ours: two installations may have one name and share the Jobs' namespace, but never a ledger.
  private get owner(): string {
    return `${this.options.cluster.ledgerNamespace}.${this.options.config.instance}`
  }

  /** How many jobs run. */
  get running(): number {
    return this.parts.runs.open().length
  }

  /** Leaves what still runs to the next process, which may go on at once, and stops. */
  async close(): Promise<void> {
    this.leaving = true
    this.parts.pool.abandon()
    // Without the lease there is nothing that we may still write: the next process has what the ledger has.
    if (this.options.fence.open) await this.handOver()
    this.parts.runs.abandon()
    this.stopping.abort()
    await this.parts.elector.release()
    await this.leaveService()
    await this.parts.gateway.close()
    await this.parts.connection.close()
    await this.options.cluster.close()
  }

  /** Resolves when upstream has told every agent of ours to disconnect, as from its web page. */
  async dismissed(): Promise<void> {
    await this.parts.pool.allStopped()
    await this.parts.pool.idle()
  }

  // Positions of logs are good only when nothing is on its way any more.
  private async handOver(): Promise<void> {
    const { clock, log } = this.options
    const done = this.parts.gateway
      .quiesce(quiesceMs)
      .then(() => this.parts.runs.handOver())
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

  private makeContext(gatewayUrl: string): RunContext {
    const { config, cluster, log, clock, onManifest } = this.options
    return {
      cluster,
      clock,
      log,
      onManifest,
      connection: this.parts.connection,
      records: this.parts.records,
      runs: this.parts.runs,
      watched: (jobId, name) => ({
        job: this.parts.supervisor.jobNamed(name),
        pod: this.parts.supervisor.podOf(jobId),
      }),
      pod: {
        ...podSettings(config),
        instance: this.owner,
        gatewayEndpoint: `${gatewayUrl}/v3`,
      },
      afterRun: run => this.afterRun(run),
    }
  }

  // A run that was handed over has not ended.
  private afterRun(run: Run): void {
    if (!run.ending) return
    this.parts.cleaner.afterRun(run)
    this.parts.status?.runEnded(run)
  }

  private async cleanUp(): Promise<void> {
    if (await this.parts.supervisor.synced()) await this.parts.cleaner.run(this.stopping.signal)
  }
}
