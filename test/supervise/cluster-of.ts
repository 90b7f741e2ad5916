import type { CoreV1Event, V1Job, V1PersistentVolumeClaim, V1Pod } from '@kubernetes/client-node'
import type { Cluster } from '../../lib/cluster/cluster.js'
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
class FakeSource<T extends NamedObject> implements ListWatch<T> {
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
  livePods: V1Pod[] = []
  liveJob: V1Job | undefined
  looks = 0
  readonly claims = new Map<string, V1PersistentVolumeClaim>()
  readonly eventsOf = new Map<string, CoreV1Event[]>()
  claimLooks = 0
  readonly deleted: string[] = []
  failing = false

  watchPods = () => this.watchedPods
  watchJobs = () => this.watchedJobs
  async getJob() {
    this.looks += 1
    if (this.failing) throw new Error('no answer')
    return this.liveJob
  }
  async podsOfJob() {
    return this.livePods
  }
  async getClaim(name: string) {
    this.claimLooks += 1
    return this.claims.get(name)
  }
  async events(name: string) {
    return this.eventsOf.get(name) ?? []
  }
  async deleteJob(name: string) {
    this.deleted.push(name)
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
  ending: object | undefined
  jobCreated = true
  podSeen = false
  replaced = false
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

/** A supervisor that follows one run in that cluster until the test ends. */
export function supervised(
  t: Test,
  cluster = new TwoFacedCluster(),
  runs = [new FakeRun('job-1')],
) {
  const clock = new HandClock()
  const stop = new AbortController()
  const supervisor = new Supervisor({
    cluster: cluster.asCluster,
    instance: 'ci',
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
  /** Five seconds pass, after which every run is judged again; then what that brings settles. */
  const judge = async () => {
    clock.advance(5_000)
    await settle()
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
  const status = {
    name: 'agent',
    image: '',
    imageID: '',
    ready: true,
    restartCount: 0,
    state: agent,
  }
  const phase = agent && 'terminated' in agent ? 'Failed' : 'Running'
  return {
    metadata: metadata(name, jobId, at),
    status: { phase, containerStatuses: agent ? [status] : [] },
  }
}
