import { Elector } from '../lease/elector.js'
import { Ledger } from '../ledger/ledger.js'
import type { Problem } from '../errors.js'
import type { GatewayState } from '../gateway/pod-call.js'
import { Gateway } from '../gateway/server.js'
import { tokenAudience } from '../pod-token.js'
import type { Limits } from '../pod/verdict/judgement.js'
import { SlotPool } from '../slots/pool.js'
import { SpawnerStatus } from '../status/spawner-status.js'
import { Cleaner } from '../supervise/cleaner.js'
import { Supervisor } from '../supervise/supervisor.js'
import { Connection } from '../upstream/connection.js'
import type { Cluster } from '../cluster/cluster.js'
import type { PodIdentity } from '../cluster/token-review.js'
import { Records } from './records.js'
import { addressesOfPod, runOfPod } from './run-of-pod.js'
import { Runs } from './runs.js'
import type { SpawnerOptions } from './spawner-options.js'
import { takeJob, type RunContext } from './take.js'

/** What the job spawner is made of, each part with what it needs of the others. */
export interface Parts {
  connection: Connection
  runs: Runs
  elector: Elector
  ledger: Ledger
  records: Records
  supervisor: Supervisor
  gateway: Gateway
  pool: SlotPool
  cleaner: Cleaner
  /** For people and Prometheus; undefined when nobody measures. */
  status: SpawnerStatus | undefined
}

/** What the parts need to know of the whole. */
export interface Whole {
  /** Whose Jobs are ours. */
  owner: string
  /** Aborted when the process leaves. */
  signal: AbortSignal
  /** Another process writes the ledger. */
  outrun: (problem: Problem) => void
  state: () => GatewayState
  stopping: () => boolean
  /** Whether the Jobs and pods that exist are known. */
  warm: () => boolean
  /** What a run is made with; undefined before the gateway listens. */
  context: () => RunContext | undefined
}

/** Makes the parts; none of them does anything before it is started. */
export function makeParts(options: SpawnerOptions, whole: Whole): Parts {
  const { cluster, config, fence, log, clock, metrics } = options
  const connection = new Connection({ log, clock, fence, metrics })
  const runs = new Runs(clock)
  const ledger = makeLedger(options, whole)
  const records = new Records(ledger)
  const supervisor = new Supervisor({
    cluster,
    fence,
    instance: whole.owner,
    limits: limitsOf(config),
    log,
    clock,
    find: jobId => runs.find(jobId),
    open: () => runs.open(),
  })
  const pool = makePool(options, { connection, records, whole })
  const gateway = makeGateway(options, { connection, runs, pool, ledger, whole })
  const elector = makeElector(options, ledger)
  const cleaner = new Cleaner({
    cluster,
    known: supervisor,
    owner: whole.owner,
    find: jobId => runs.find(jobId),
    mayReap: () => ledger.unreadable.size === 0,
    log,
    clock,
  })
  const parts = { connection, runs, elector, ledger, records, supervisor, gateway, pool, cleaner }
  return { ...parts, status: makeStatus(options, { ...parts, whole }) }
}

function limitsOf(config: SpawnerOptions['config']): Limits {
  return {
    imagePullMs: config.imagePullBackoffGracePeriod,
    pendingMs: config.podPendingTimeout,
    emptyJobMs: config.emptyJobGracePeriod,
  }
}

function makeStatus(
  { config, fence, clock, metrics }: SpawnerOptions,
  parts: Omit<Parts, 'status'> & { whole: Whole },
): SpawnerStatus | undefined {
  if (!metrics) return undefined
  const { runs, supervisor, gateway, pool, ledger, whole } = parts
  return new SpawnerStatus({
    instance: config.instance,
    now: () => clock.now(),
    metrics,
    state: whole.state,
    stopping: whole.stopping,
    left: () => whole.signal.aborted,
    leaseHeld: () => fence.open,
    slots: () => pool.slots,
    unusable: () => pool.unusable(),
    runs: () => runs.open(),
    podOf: jobId => supervisor.podOf(jobId),
    waitingFor: jobId => supervisor.waitingFor(jobId),
    freshness: () => supervisor.freshness(),
    ledgerPages: () => ledger.pageCount,
    heldCalls: () => gateway.held,
  })
}

function makeLedger(
  { cluster, config, log, clock, metrics }: SpawnerOptions,
  whole: Whole,
): Ledger {
  return new Ledger({
    secrets: cluster.secrets,
    instance: config.instance,
    log,
    clock,
    signal: whole.signal,
    onFenced: problem => whole.outrun(problem),
    metrics,
  })
}

function makeElector(options: SpawnerOptions, ledger: Ledger): Elector {
  const { config, cluster, fence, holder, log, clock, metrics } = options
  return new Elector({
    leases: cluster.leases,
    instance: config.instance,
    holder,
    fence,
    log: log.child({ part: 'lease' }),
    clock,
    durationMs: config.leaseDuration,
    // A Lease that somebody has deleted under a leader is not up for grabs.
    mayBeHeld: () => ledger.exists(),
    metrics,
  })
}

function makeGateway(
  { config, cluster, fence, log, clock, metrics }: SpawnerOptions,
  {
    connection,
    runs,
    pool,
    ledger,
    whole,
  }: Pick<Parts, 'connection' | 'runs' | 'pool' | 'ledger'> & { whole: Whole },
): Gateway {
  return new Gateway({
    listen: config.gatewayListen,
    dispatcher: connection.dispatcher,
    log: log.child({ part: 'gateway' }),
    clock,
    fence,
    allowOtherBuilds: config.allowOtherBuilds,
    find: jobId => runs.find(jobId),
    allKnown: () => ledger.unreadable.size === 0,
    identify: token => identify(token, cluster),
    findOfPod: pod => runOfPod(pod, { cluster, runs }),
    addressesOf: pod => addressesOfPod(pod, cluster),
    state: whole.state,
    cold: () => (whole.warm() ? pool.unusable() : 'waiting for the Jobs and pods that exist'),
    metrics,
  })
}

// A pod elsewhere may have the name of one of ours.
async function identify(token: string, cluster: Cluster): Promise<PodIdentity | undefined> {
  const pod = await cluster.reviewToken(token, tokenAudience)
  return pod?.namespace === cluster.namespace ? pod : undefined
}

function makePool(
  { config, log, clock, metrics }: SpawnerOptions,
  { connection, records, whole }: Pick<Parts, 'connection' | 'records'> & { whole: Whole },
): SlotPool {
  return new SlotPool({
    endpoint: config.endpoint,
    token: config.token,
    tags: config.tags,
    name: config.name,
    size: config.maxInFlight,
    connection,
    log,
    clock,
    keep: (slot, session) => records.setSession(slot.index, session),
    forget: slot => records.forget(slot.index),
    work: async (slot, jobId) => {
      const context = whole.context()
      return context !== undefined && takeJob(slot, jobId, context)
    },
    metrics,
  })
}
