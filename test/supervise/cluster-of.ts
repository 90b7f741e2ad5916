import type {
  CoreV1Event,
  V1ContainerState,
  V1ContainerStatus,
  V1Job,
  V1Node,
  V1PersistentVolumeClaim,
  V1Pod,
} from '@kubernetes/client-node'
import type { Cluster } from '../../lib/cluster/cluster.js'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { ListWatch, NamedObject, WatchEvent } from '../../lib/cluster/list-watch.js'
import { silentLog } from '../../lib/log.js'
import { labels } from '../../lib/pod/metadata.js'
import { Supervisor } from '../../lib/supervise/supervisor.js'
import type { EndCause, SupervisedRun } from '../../lib/supervise/supervised-run.js'
import { HandClock } from '../cluster-client/hand-clock.js'

interface Test {
  teardown(end: () => unknown): void
}

/** A source whose list is given, and whose watch tells what `tell` is called with. */
export class FakeSource<T extends NamedObject> implements ListWatch<T> {
  readonly kind = 'fake'
  items: T[] = []
  private readonly told: WatchEvent<T>[] = []
  private wake = () => {}

  async list() {
    return { items: this.items, resourceVersion: '1' }
  }

  async watch(_: object, signal: AbortSignal) {
    return this.events(signal)
  }

  tell(type: WatchEvent<T>['type'], object: T): void {
    this.told.push({ type, object })
    this.wake()
  }

  private async *events(signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    signal.addEventListener('abort', () => this.wake())
    while (!signal.aborted) {
      const event = this.told.shift()
      if (event) yield event
      else await new Promise<void>(resolve => (this.wake = resolve))
    }
  }
}

/** A cluster whose watch (what the supervisor believes) and whose live answers are told apart. */
export class TwoFacedCluster {
  readonly watchedPods = new FakeSource<V1Pod>()
  readonly watchedJobs = new FakeSource<V1Job>()
  readonly watchedEvents = new FakeSource<CoreV1Event>()
  readonly namespace = 'jobs'
  livePods: V1Pod[] = []
  liveJob: V1Job | undefined
  looks = 0
  readonly claims = new Map<string, V1PersistentVolumeClaim>()
  readonly eventsOf = new Map<string, CoreV1Event[]>()
  claimLooks = 0
  readonly nodes = new Map<string, V1Node>()
  nodeLooks = 0
  eventLooks = 0
  readonly logs = new Map<string, string>()
  readonly deleted: string[] = []
  readonly ended: string[] = []
  readonly podsDeleted: { name: string; graceSeconds?: number }[] = []
  readonly eventsMade: CoreV1Event[] = []
  failing = false

  watchPods = () => this.watchedPods
  watchJobs = () => this.watchedJobs
  watchEvents = (): ListWatch<CoreV1Event> => this.watchedEvents
  async getJob() {
    this.looks += 1
    if (this.failing) throw new ClusterError({ message: 'no answer' })
    return this.liveJob
  }
  async podsOfJob() {
    return this.livePods
  }
  async getClaim(name: string) {
    this.claimLooks += 1
    return this.claims.get(name)
  }
  async getNode(name: string) {
    this.nodeLooks += 1
    return this.nodes.get(name)
  }
  async getPod(name: string) {
    return this.livePods.find(({ metadata }) => metadata?.name === name)
  }
  async podLog(pod: string, container: string) {
    const log = this.logs.get(container)
    if (log === undefined) throw new Error(`no log of ${pod} ${container}`)
    return log
  }
  async events(name: string) {
    this.eventLooks += 1
    return this.eventsOf.get(name) ?? []
  }
  async deleteJob(name: string) {
    this.deleted.push(name)
  }
  async endJob(name: string) {
    this.ended.push(name)
  }
  async deletePod(name: string, given: { graceSeconds?: number } = {}) {
    this.podsDeleted.push({ name, ...given })
  }
  async createEvent(event: CoreV1Event) {
    this.eventsMade.push(event)
  }
  async listJobs() {
    return this.watchedJobs.items
  }
  get asCluster(): Cluster {
    return this as unknown as Cluster
  }
}

/** The name of a job's Job. */
export function nameOf(jobId: string): string {
  return `buildkite-${jobId}`
}

export class FakeRun implements SupervisedRun {
  readonly log = silentLog()
  over = false
  reporting = false
  ending: object | undefined
  jobCreated = true
  podSeen = false
  replaced = false
  acceptedAt = 1_000_000
  env: Record<string, string> = {}
  redactedVars: string[] = ['*_TOKEN']
  podCalledAt: number | undefined
  podPolledAt: number | 'never' | undefined
  podWriting = false
  readonly ends: EndCause[] = []
  readonly said: string[] = []
  constructor(
    readonly jobId: string,
    readonly jobName = nameOf(jobId),
  ) {}
  async say(lines: readonly string[]) {
    this.said.push(...lines)
  }
  async end(cause: EndCause) {
    this.ends.push(cause)
    this.over = true
    this.ending = cause
  }
}

/** How long what may pass is borne, as usual. */
export const limits = { imagePullMs: 30_000, pendingMs: 15 * 60_000, emptyJobMs: 30_000 }

/** A supervisor that follows one run in that cluster until the test ends. */
export function supervised(
  t: Test,
  cluster = new TwoFacedCluster(),
  runs = [new FakeRun('job-1')],
  fence?: { open: boolean },
) {
  const clock = new HandClock()
  const stop = new AbortController()
  const supervisor = new Supervisor({
    cluster: cluster.asCluster,
    instance: 'ci',
    limits,
    fence,
    log: silentLog(),
    clock,
    find: jobId => runs.find(run => run.jobId === jobId),
    open: () => runs.filter(run => run.ending === undefined),
  })
  const running = supervisor.run(stop.signal)
  t.teardown(() => {
    stop.abort()
    return running
  })
  const [run = new FakeRun('none')] = runs
  /** So many seconds pass, after each of which runs are judged again; then what that brings settles. */
  const judge = async (seconds = 5) => {
    for (let n = 0; n < seconds; n++) {
      clock.advance(1_000)
      await settle()
    }
  }
  return { cluster, clock, supervisor, run, judge }
}

/** Lets all that is ready happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve))
}

let versions = 1

function metadata(name: string, jobId: string, at: number) {
  const creationTimestamp = new Date(at)
  return {
    name,
    uid: name,
    creationTimestamp,
    resourceVersion: String(++versions),
    labels: { [labels.jobUuid]: jobId },
  }
}

/** The Job of a run; `condition` is one that is true, `at` is when it was made: just now by a new `HandClock`. */
export function jobOf(
  jobId: string,
  condition?: { type: string; reason?: string },
  at = 1_000_000,
): V1Job {
  const conditions = condition ? [{ status: 'True', ...condition }] : []
  return { metadata: metadata(nameOf(jobId), jobId, at), status: { conditions } }
}

type AgentState =
  { running: object } | { terminated: { exitCode: number; reason?: string } } | undefined

/** A pod of a run, its agent container in that state. */
export function podOf(
  jobId: string,
  agent: AgentState,
  given: { name?: string; at?: number } = {},
): V1Pod {
  const { name = 'pod-1', at = 0 } = given
  const phase = agent && 'terminated' in agent ? 'Failed' : 'Running'
  const ready = agent && 'running' in agent ? 'True' : 'False'
  return {
    metadata: { ...metadata(name, jobId, at), namespace: 'jobs' },
    spec: { nodeName: 'node-1', containers: [{ name: 'agent', image: 'agent' }] },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready }],
      containerStatuses: agent ? [statusOf('agent', agent)] : [],
    },
  }
}

/** The status of a container in that state. */
export function statusOf(name: string, state: V1ContainerState): V1ContainerStatus {
  return { name, image: '', imageID: '', ready: true, restartCount: 0, state }
}

let eventCount = 0

/** An event about an object of that kind and name. */
export function eventOf(
  kind: 'Pod' | 'Job' | 'PersistentVolumeClaim',
  name: string,
  said: { reason: string; message?: string; at?: number; type?: string },
): CoreV1Event {
  const { at = 1_000_000, ...words } = said
  eventCount += 1
  return {
    metadata: { name: `${name}.${eventCount}`, resourceVersion: String(++versions) },
    involvedObject: { kind, name },
    lastTimestamp: new Date(at),
    ...words,
  }
}
