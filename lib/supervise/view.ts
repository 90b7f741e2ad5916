import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { Reflector } from '../cluster/reflector.js'
import type { Log } from '../log.js'
import { instanceSelector, labels } from '../pod/metadata.js'
import { awaitedClaims } from '../pod/verdict/claims.js'
import { newestPod } from '../pod/verdict/status.js'
import { EventBook, trimmedEvent, type EventKind } from './event-book.js'
import { patientSource } from './patient-source.js'

const keptMs = 5 * 60_000

/** What a view is made of, and who is told of changes. */
export interface ViewOptions {
  cluster: Pick<Cluster, 'watchPods' | 'watchJobs' | 'watchEvents'>
  /** The installation whose Jobs are ours. */
  instance: string
  log: Log
  clock: Clock
  /** The pod or the Job of a job is there, has changed, or is gone. */
  onChange: (jobId: string) => void
  /** A list of the pods is complete. */
  onListed: () => void
}

/** What of the cluster is ours, as our watches know it: that may be old, and nothing may die of it. */
export class ClusterView {
  private readonly pods: Reflector<V1Pod>
  private readonly jobs: Reflector<V1Job>
  private readonly eventWatch: Reflector<CoreV1Event>
  private readonly book = new EventBook()
  private readonly podOfJob = new Map<string, V1Pod>()
  private readonly claimsOfPod = new Map<string, readonly string[]>()
  private readonly gone = new Map<string, { kind: EventKind; name: string; at: number }>()
  private eventsForbidden = false

  constructor(private readonly options: ViewOptions) {
    this.pods = this.podWatch()
    this.jobs = this.jobWatch()
    this.eventWatch = this.watchOfEvents()
  }

  /** Follows until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const watches = [this.pods, this.jobs, this.eventWatch]
    await Promise.all(watches.map(watch => watch.run(signal)))
  }

  /** Resolves when the Jobs and pods that exist are known; false when the signal aborted first. */
  async synced(): Promise<boolean> {
    const both = await Promise.all([this.pods.whenSynced(), this.jobs.whenSynced()])
    return both.every(Boolean)
  }

  /** The Jobs that exist. */
  allJobs(): V1Job[] {
    return [...this.jobs.store.values()]
  }

  /** The pods that exist. */
  allPods(): V1Pod[] {
    return [...this.pods.store.values()]
  }

  job(name: string): V1Job | undefined {
    return this.jobs.store.get(name)
  }

  /** The newest pod of a job. */
  podOf(jobId: string): V1Pod | undefined {
    return this.podOfJob.get(jobId)
  }

  /** The events about a Job or pod of ours, or a claim that a pod of ours waits for; undefined while we may not read any. */
  events(kind: EventKind, name: string): CoreV1Event[] | undefined {
    return this.eventsForbidden ? undefined : this.book.about(kind, name)
  }

  /** When the API server last proved that what we know is current, in milliseconds since 1970; 0 for never. */
  freshness(): { watch: string; lastFresh: number }[] {
    const known = [
      { watch: 'pods', lastFresh: this.pods.lastFresh },
      { watch: 'jobs', lastFresh: this.jobs.lastFresh },
    ]
    if (this.eventsForbidden) return known
    return [...known, { watch: 'events', lastFresh: this.eventWatch.lastFresh }]
  }

  private podWatch(): Reflector<V1Pod> {
    const { cluster, instance, log, clock, onListed } = this.options
    const onPod = (pod: V1Pod) => this.podChanged(pod)
    return new Reflector<V1Pod>({
      source: cluster.watchPods(instanceSelector(instance)),
      log: log.child({ watch: 'pods' }),
      clock,
      onAdd: onPod,
      onUpdate: onPod,
      onDelete: pod => this.podDeleted(pod),
      onSync: onListed,
    })
  }

  private jobWatch(): Reflector<V1Job> {
    const { cluster, instance, log, clock, onChange } = this.options
    const onJob = (job: V1Job) => {
      this.book.follow('Job', nameOf(job))
      onChange(jobIdOf(job))
    }
    return new Reflector<V1Job>({
      source: cluster.watchJobs(instanceSelector(instance)),
      log: log.child({ watch: 'jobs' }),
      clock,
      onAdd: onJob,
      onUpdate: onJob,
      onDelete: job => {
        this.forgetSoon('Job', nameOf(job))
        onChange(jobIdOf(job))
      },
    })
  }

  private watchOfEvents(): Reflector<CoreV1Event> {
    const { cluster, log, clock } = this.options
    const onForbidden = (err: unknown) => {
      this.eventsForbidden = true
      log.warn({ err }, 'events are not readable: verdicts and logs go without what they say')
    }
    const onAllowed = () => (this.eventsForbidden = false)
    return new Reflector<CoreV1Event>({
      source: patientSource(cluster.watchEvents(), { clock, onForbidden, onAllowed }),
      log: log.child({ watch: 'events' }),
      clock,
      stores: false,
      // API servers send no bookmarks for events: a silent watch ends by its own time-out.
      freshnessMs: 330_000,
      trim: trimmedEvent,
      onAdd: event => this.book.take(event),
      onDelete: event => this.book.drop(event),
    })
  }

  private podChanged(pod: V1Pod): void {
    const jobId = jobIdOf(pod)
    const known = this.podOfJob.get(jobId)
    const others = known && nameOf(known) !== nameOf(pod) ? [known] : []
    this.podOfJob.set(jobId, newestPod([...others, pod]) ?? pod)
    this.followEvents(pod)
    this.options.onChange(jobId)
  }

  private podDeleted(pod: V1Pod): void {
    const jobId = jobIdOf(pod)
    const known = this.podOfJob.get(jobId)
    if (known && nameOf(known) === nameOf(pod)) this.podOfJob.delete(jobId)
    this.forgetSoon('Pod', nameOf(pod))
    this.options.onChange(jobId)
  }

  private followEvents(pod: V1Pod): void {
    const name = nameOf(pod)
    this.book.follow('Pod', name)
    const claims = awaitedClaims(pod).map(claim => claim.name)
    if (claims.length === 0) return
    this.claimsOfPod.set(name, claims)
    for (const claim of claims) this.book.follow('PersistentVolumeClaim', claim)
  }

  // Why it is gone may stand in an event.
  private forgetSoon(kind: EventKind, name: string): void {
    const now = this.options.clock.now()
    this.gone.delete(`${kind}/${name}`)
    this.gone.set(`${kind}/${name}`, { kind, name, at: now })
    for (const [key, one] of this.gone) {
      if (now - one.at < keptMs) return
      this.gone.delete(key)
      // A Job that was made again has its name.
      if (this.jobs.store.has(one.name)) continue
      this.book.forget(one.kind, one.name)
      if (one.kind !== 'Pod') continue
      for (const claim of this.claimsOfPod.get(one.name) ?? [])
        this.book.forget('PersistentVolumeClaim', claim)
      this.claimsOfPod.delete(one.name)
    }
  }
}

/** The job that an object of ours was made for; empty when it does not say. */
export function jobIdOf({ metadata }: V1Pod | V1Job): string {
  return metadata?.labels?.[labels.jobUuid] ?? ''
}

function nameOf({ metadata }: V1Pod | V1Job): string {
  return metadata?.name ?? ''
}
