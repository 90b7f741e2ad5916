import { collectDefaultMetrics } from 'prom-client'
import { agentVersion, version } from '../version.js'
import { GatewayMetrics } from './gateway.js'
import { Instruments } from './instruments.js'
import { KubernetesMetrics } from './kubernetes.js'
import { LeaseMetrics } from './lease.js'
import { LedgerMetrics } from './ledger.js'
import { PingMetrics } from './pings.js'
import { ReadingGauges, type Readings } from './readings.js'
import { RunMetrics } from './runs.js'
import { UpstreamMetrics } from './upstream.js'

/** What metrics are made of; nothing of it is needed outside of tests. */
export interface MetricsOptions {
  /** Milliseconds that never go back. */
  now?: () => number
  /** Milliseconds since 1970. */
  wall?: () => number
  /** Whether memory, event loop and the like of this process are among them. */
  ofProcess?: boolean
}

/**
 * What the program tells Prometheus, in a registry of its own. Everything takes one as an option; what is not told of by
 * a call is read when somebody asks. docs/metrics.md says what each metric means.
 */
export class Metrics {
  readonly runs: RunMetrics
  readonly pings: PingMetrics
  readonly gateway: GatewayMetrics
  readonly upstream: UpstreamMetrics
  readonly kubernetes: KubernetesMetrics
  readonly ledger: LedgerMetrics
  readonly lease: LeaseMetrics
  private readonly make = new Instruments()
  private readonly readings: ReadingGauges
  private underWay: Promise<string> | undefined

  constructor(options: MetricsOptions = {}) {
    const { now = () => performance.now(), wall = Date.now, ofProcess = true } = options
    const { make } = this
    const clocks = { now, wall }
    this.runs = new RunMetrics(make)
    this.pings = new PingMetrics(make, clocks)
    this.gateway = new GatewayMetrics(make, clocks)
    this.upstream = new UpstreamMetrics(make, clocks)
    this.kubernetes = new KubernetesMetrics(make, clocks)
    this.ledger = new LedgerMetrics(make, clocks)
    this.lease = new LeaseMetrics(make, clocks)
    this.readings = new ReadingGauges(make, clocks)
    buildInfo(make)
    if (ofProcess) collectDefaultMetrics({ register: make.registry })
  }

  /** What the gauges read from now on. */
  readFrom(readings: Readings): void {
    this.readings.readFrom(readings)
  }

  /** The type of `text`. */
  get contentType(): string {
    return this.make.registry.contentType
  }

  /** All metrics in Prometheus' text format. Those who ask at the same time get the same answer. */
  async text(): Promise<string> {
    this.underWay ??= this.make.registry.metrics().finally(() => (this.underWay = undefined))
    return this.underWay
  }

  /** The names and labels of all metrics, for the page that describes them. */
  described(): { name: string; type: string; labels: readonly string[]; help: string }[] {
    return this.make.registry.getMetricsAsArray().map(metric => {
      const { name, help, type, labelNames } = metric as unknown as Described
      return { name, type, labels: labelNames, help }
    })
  }
}

// What each of prom-client's metrics is when it runs; its types say less.
interface Described {
  name: string
  help: string
  type: string
  labelNames: string[]
}

function buildInfo(make: Instruments): void {
  const labels = { version, agent_version: agentVersion, node_version: process.versions.node }
  make.gauge('build_info', 'Always 1: which program this is, and whose protocol it speaks.', {
    labels: ['version', 'agent_version', 'node_version'],
    read: gauge => gauge.set(labels, 1),
  })
}
