import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { Reflector } from '../cluster/reflector.js'
import type { Log } from '../log.js'
import { instanceSelector, labels } from '../pod/metadata.js'
import { awaitedClaims } from '../pod/verdict/claims.js'
import { newestPod, podStart } from '../pod/verdict/status.js'
import { verdict, type Seen, type Verdict } from '../pod/verdict/verdict.js'
import { podCause } from './cause.js'
import { ClaimLooks, seeClaims } from './claims.js'
import { EventLooks, seeJobEvents } from './looks.js'
import { Settling } from './settling.js'
import type { SupervisedRun } from './supervised-run.js'
import { deleteUnfinished } from './unfinished.js'

/** What supervision needs. */
export interface SupervisorOptions {
  cluster: Cluster
  /** The installation whose Jobs are ours. */
  instance: string
  log: Log
  clock: Clock
  /** The run of a job, while it is known. */
  find: (jobId: string) => SupervisedRun | undefined
  /** The runs that go on. */
  open: () => SupervisedRun[]
  /** Closed while the API server is away, as far as the holder of the lease knows. */
  fence?: { readonly open: boolean }
}

// Some verdicts ripen with time alone, such as an image that could not be pulled for half a minute.
const judgeAgainMs = 5_000

// What of a pod's waiting is told in the job's log.
const told = ['VolumeClaim', 'PodRefused', 'Unschedulable']

const unscheduledGraceMs = 15_000

// The scheduler's words change with every node that comes and goes.
const tellAgainMs = 60_000

/**
 * Follows our Jobs and pods, and ends the runs whose pods will not do it themselves. A verdict from the watch's cache is
 * acted on only after a fresh look at the API server agrees, so that a stale cache never fails a healthy job.
 */
export class Supervisor {
  private readonly pods: Reflector<V1Pod>
  private readonly jobs: Reflector<V1Job>
  private readonly podOfJob = new Map<string, V1Pod>()
  private readonly withPod = new Set<string>()
  private readonly judging = new Set<string>()
  private readonly claimLooks = new ClaimLooks()
  private readonly eventLooks = new EventLooks()
  private readonly settling: Settling
  private readonly said = new Map<string, { message: string; at: number }>()

  constructor(private readonly options: SupervisorOptions) {
    const { cluster, log, clock, instance } = options
    const selector = instanceSelector(instance)
    this.settling = new Settling(clock)
    const onPod = (pod: V1Pod) => this.podChanged(pod)
    const onJob = (job: V1Job) => this.changed(job.metadata?.labels)
    const onJobGone = (job: V1Job) => {
      this.eventLooks.forget(job)
      this.forget(job.metadata?.labels)
      onJob(job)
    }
    this.pods = new Reflector<V1Pod>({
      source: cluster.watchPods(selector),
      log: log.child({ watch: 'pods' }),
      clock,
      onAdd: onPod,
      onUpdate: onPod,
      onDelete: pod => this.podDeleted(pod),
      onSync: () => this.settling.listed(),
    })
    this.jobs = new Reflector<V1Job>({
      source: cluster.watchJobs(selector),
      log: log.child({ watch: 'jobs' }),
      clock,
      onAdd: onJob,
      onUpdate: onJob,
      onDelete: onJobGone,
    })
  }

  /** Follows until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.pods.run(signal), this.jobs.run(signal), this.judgeNowAndThen(signal)])
  }

  /** Resolves when the Jobs and pods that exist are known; false when the signal aborted first. */
  async synced(): Promise<boolean> {
    const both = await Promise.all([this.pods.whenSynced(), this.jobs.whenSynced()])
    return both.every(Boolean)
  }

  /** The Jobs that exist, as the watch knows them. */
  knownJobs(): V1Job[] {
    return [...this.jobs.store.values()]
  }

  /** Whether the cluster has the Job of that name, as the watch knows it. */
  hasJob(name: string): boolean {
    return this.jobs.store.has(name)
  }

  private podChanged(pod: V1Pod): void {
    const jobId = jobIdOf(pod)
    const known = this.podOfJob.get(jobId)
    this.podOfJob.set(
      jobId,
      newestPod(known && nameOf(known) !== nameOf(pod) ? [known, pod] : [pod]) ?? pod,
    )
    this.changed(pod.metadata?.labels)
  }

  private podDeleted(pod: V1Pod): void {
    const jobId = jobIdOf(pod)
    const known = this.podOfJob.get(jobId)
    if (known && nameOf(known) === nameOf(pod)) this.podOfJob.delete(jobId)
    this.changed(pod.metadata?.labels)
    this.claimLooks.forget(pod)
    this.forget(pod.metadata?.labels)
  }

  // What was noted of a run serves nobody when it has ended.
  private forget(objectLabels: Record<string, string> | undefined): void {
    const jobId = objectLabels?.[labels.jobUuid] ?? ''
    const run = this.options.find(jobId)
    if (run && run.ending === undefined) return
    this.withPod.delete(jobId)
    this.said.delete(jobId)
  }

  private changed(objectLabels: Record<string, string> | undefined): void {
    const run = this.options.find(objectLabels?.[labels.jobUuid] ?? '')
    if (run && run.ending === undefined) this.judge(run)
  }

  private async judgeNowAndThen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.options.clock.sleep(judgeAgainMs, signal).catch(() => undefined)
      if (this.options.fence?.open === false) this.settling.away()
      for (const run of this.options.open()) this.judge(run)
    }
  }

  private judge(run: SupervisedRun): void {
    if (!run.jobCreated || run.over || this.judging.has(run.jobId)) return
    const job = this.jobs.store.get(run.jobName)
    const pod = this.podOfJob.get(run.jobId)
    const found = this.verdictOf(run, { pod, job })
    if (found.state === 'running') run.podSeen = true
    if (found.state !== 'over' && !this.looksDue(pod, job)) return this.tellWaiting(run, pod, found)
    this.judging.add(run.jobId)
    this.confirm(run)
      .catch((error: unknown) => {
        if (run.ending !== undefined) return
        this.settling.away()
        run.log.warn({ err: error }, 'verdict not confirmed, judging again later')
      })
      .finally(() => this.judging.delete(run.jobId))
  }

  // What a pod's claims are like, and why a Job has no pod, is in no watch: it takes a fresh look, too.
  private looksDue(pod: V1Pod | undefined, job: V1Job | undefined): boolean {
    const now = this.options.clock.now()
    if (pod) return this.claimLooks.dueFor(pod, now)
    return job !== undefined && this.eventLooks.dueFor(job, now)
  }

  private async confirm(run: SupervisedRun): Promise<void> {
    const { cluster } = this.options
    const name = run.jobName
    const [job, pods] = await Promise.all([cluster.getJob(name), cluster.podsOfJob(name)])
    const pod = newestPod(pods)
    const claims = await seeClaims(pod, { cluster, log: run.log })
    const jobEvents = job && !pod ? await seeJobEvents(name, { cluster, log: run.log }) : []
    const found = this.verdictOf(run, { pod, job, claims, jobEvents })
    if (run.over) return
    if (found.state === 'waiting' && told.includes(found.reason)) return this.tell(run, found)
    if (found.state !== 'over') return
    run.log.warn({ cause: found.cause }, 'pod over without a finish')
    await run.end(podCause(found))
    if (!run.replaced) await deleteUnfinished(name, cluster)
  }

  // A node may be free in a moment: only what lasts is told. A pod with claims is told of when they are looked at.
  private tellWaiting(run: SupervisedRun, pod: V1Pod | undefined, found: Verdict): void {
    if (found.state !== 'waiting' || found.reason !== 'Unschedulable' || !pod) return
    if (awaitedClaims(pod).length > 0) return
    const { clock } = this.options
    if (clock.now() - (podStart(pod) ?? clock.now()) < unscheduledGraceMs) return
    this.tell(run, found).catch((error: unknown) =>
      run.log.warn({ err: error }, 'why the pod waits is not in the log'),
    )
  }

  // Once, and again after a while when it is something else.
  private async tell(run: SupervisedRun, { message }: { message: string }): Promise<void> {
    const at = this.options.clock.now()
    const last = this.said.get(run.jobId)
    if (last && (last.message === message || at - last.at < tellAgainMs)) return
    this.said.set(run.jobId, { message, at })
    await run.say([message])
  }

  private verdictOf(
    run: SupervisedRun,
    { pod, job, claims, jobEvents }: Pick<Seen, 'pod' | 'job' | 'claims' | 'jobEvents'>,
  ): Verdict {
    if (pod) this.withPod.add(run.jobId)
    const now = this.settling.judgingTime()
    const podSeenBefore = this.withPod.has(run.jobId) || run.podSeen
    const found = verdict({ pod, job, claims, jobEvents, now, podSeenBefore })
    // The Job was made and neither it nor a pod is there: somebody deleted it before it had one.
    return found.state === 'waiting' && !pod && !job ? jobGone : found
  }
}

const jobGone = {
  state: 'over',
  cause: 'JobDeleted',
  message: 'The Job was deleted before it had a pod.',
  exitStatus: -1,
  signalReason: 'process_run_error',
} as const satisfies Verdict

function jobIdOf(object: V1Pod): string {
  return object.metadata?.labels?.[labels.jobUuid] ?? ''
}

function nameOf(pod: V1Pod): string {
  return pod.metadata?.name ?? ''
}
