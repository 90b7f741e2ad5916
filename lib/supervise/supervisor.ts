import type { V1Job, V1Node, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Log } from '../log.js'
import type { Limits } from '../pod/verdict/judgement.js'
import type { Seen, Verdict } from '../pod/verdict/verdict.js'
import { isQuiet } from './attention.js'
import { isClaimLookDue, newsOf, seeClaims } from './claims.js'
import { Ends } from './ends.js'
import { judged } from './judged.js'
import { narrate } from './narrator.js'
import { NodeLooks } from './node-looks.js'
import { lookSoon, newNotes, postpone, type Notes } from './notes.js'
import { redactFor } from './redact-for.js'
import { secondLook } from './second-look.js'
import { Settling } from './settling.js'
import { Sight } from './sight.js'
import type { SupervisedRun } from './supervised-run.js'
import { ClusterView } from './view.js'

/** What supervision needs. */
export interface SupervisorOptions {
  cluster: Cluster
  /** The installation whose Jobs are ours. */
  instance: string
  /** How long what may pass is borne. */
  limits: Limits
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
const tickMs = 1_000
const quietTicks = 5

// What is new about a run that waits may wait so long.
const tellEachMs = 5_000

// Longer than a tick may take: this process, or the machine, has stood still, and heard nobody.
const stoodStillMs = 5_000

/**
 * Follows our Jobs and pods, tells the runs' logs what they wait for, and ends the runs whose pods will not do it
 * themselves. A verdict from what the watches know is acted on only after a fresh look at the API server agrees, so that
 * a stale cache never fails a healthy job.
 */
export class Supervisor {
  private readonly view: ClusterView
  private readonly settling: Settling
  private readonly nodes: NodeLooks
  private readonly sight: Sight
  private readonly ends: Ends
  private readonly notes = new Map<string, Notes>()
  private readonly judging = new Set<string>()
  private leadingSince: number | undefined

  constructor(private readonly options: SupervisorOptions) {
    const { clock } = options
    this.settling = new Settling(clock)
    this.ends = new Ends(options)
    this.view = new ClusterView({
      ...options,
      onChange: jobId => this.changed(jobId),
      onListed: () => this.settling.listed(),
    })
    this.nodes = new NodeLooks(options)
    const { view, nodes, settling } = this
    this.sight = new Sight({ ...options, view, nodes, settling })
  }

  /** Follows until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.view.run(signal), this.judgeNowAndThen(signal)])
  }

  /** Resolves when the Jobs and pods that exist are known; false when the signal aborted first. */
  async synced(): Promise<boolean> {
    return this.view.synced()
  }

  /** The Jobs that exist, as the watch knows them. */
  knownJobs(): V1Job[] {
    return this.view.allJobs()
  }

  /** The pods that exist, as the watch knows them. */
  knownPods(): V1Pod[] {
    return this.view.allPods()
  }

  /** The newest pod of a job, as the watch knows it. */
  podOf(jobId: string): V1Pod | undefined {
    return this.view.podOf(jobId)
  }

  /** The Job of that name, as the watch knows it. */
  jobNamed(name: string): V1Job | undefined {
    return this.view.job(name)
  }

  /** Whether the cluster has the Job of that name, as the watch knows it. */
  hasJob(name: string): boolean {
    return this.view.job(name) !== undefined
  }

  /** What the run of a job waits for, for people; undefined when it waits for nothing that we know of. */
  waitingFor(jobId: string): string | undefined {
    const notes = this.notes.get(jobId)
    const run = this.options.find(jobId)
    if (notes?.waiting === undefined || !run) return undefined
    const spec = this.view.podOf(jobId)?.spec ?? this.view.job(run.jobName)?.spec?.template?.spec
    return (notes.redact ?? redactFor(run, spec))(notes.waiting)
  }

  /** What the run of a job was ended over by us, for people; it is forgotten then. */
  takeMessage(jobId: string): string | undefined {
    return this.ends.takeMessage(jobId)
  }

  /** How a node is now; undefined where there is none, or we may not ask. Throws `ClusterError`. */
  async freshNode(name: string): Promise<V1Node | undefined> {
    return this.nodes.fresh(name)
  }

  /** When the API server last proved that what we know is current, in milliseconds since 1970; 0 for never. */
  freshness(): { watch: string; lastFresh: number }[] {
    return this.view.freshness()
  }

  private changed(jobId: string): void {
    const run = this.options.find(jobId)
    if (!run || run.ending !== undefined) return
    lookSoon(this.notesOf(run))
    this.judge(run)
  }

  private async judgeNowAndThen(signal: AbortSignal): Promise<void> {
    const { clock, fence, open } = this.options
    let led = false
    for (let tick = 0; !signal.aborted; tick++) {
      const before = clock.now()
      await clock.sleep(tickMs, signal).catch(() => undefined)
      const cut = fence?.open === false
      led ||= !cut
      // A standby has no lease either, and its API server is well.
      if (cut && led) this.settling.away()
      if (cut || clock.now() - before > tickMs + stoodStillMs) this.sight.wasDeaf()
      const all = tick % quietTicks === 0
      if (all) this.forgetEnded()
      for (const run of open()) if (all || !isQuiet(this.view.podOf(run.jobId))) this.judgeNext(run)
    }
  }

  // A fault of ours over one run is not to keep the others, and the next time, from being judged.
  private judgeNext(run: SupervisedRun): void {
    try {
      this.judge(run)
    } catch (error) {
      run.log.error({ err: error }, 'run not judged')
    }
  }

  private judge(run: SupervisedRun): void {
    if (!run.jobCreated || isSettled(run) || this.judging.has(run.jobId)) return
    const notes = this.notesOf(run)
    const seen = this.sight.seenOf(run, notes)
    const found = judged(seen, notes, this.options.clock.now())
    if (found.state === 'running') run.podSeen = true
    notes.waiting = found.state === 'waiting' ? found.message : undefined
    if (found.state !== 'over') {
      lookSoon(notes)
      this.tell(run, notes, { seen, found })
      if (this.claimsAreDue(notes, seen))
        this.alone(run, notes, () => this.lookAtClaims(run, notes))
    } else if (this.options.clock.now() >= notes.lookAt) {
      this.alone(run, notes, () => this.confirm(run, notes))
    }
  }

  private alone(run: SupervisedRun, notes: Notes, look: () => Promise<void>): void {
    this.judging.add(run.jobId)
    look()
      .catch((error: unknown) => {
        if (run.ending !== undefined) return
        // Any other error is this run's own, and says nothing of what is known of the others.
        if (isClusterError(error, 'retry')) this.settling.away()
        postpone(notes, this.options.clock.now())
        run.log.warn({ err: error }, 'verdict not confirmed, judging again later')
      })
      .finally(() => this.judging.delete(run.jobId))
  }

  private async confirm(run: SupervisedRun, notes: Notes): Promise<void> {
    const { cluster, clock } = this.options
    const confirmed = await secondLook(run, notes, { cluster, clock, sight: this.sight })
    if (isSettled(run)) return
    if (!confirmed) return postpone(notes, clock.now())
    const { found, look } = confirmed
    // An agent that was taken for dead may call while its container's last words are fetched.
    const isStill = () => !isSettled(run) && confirmed.isStill()
    await this.ends.end(run, found, { ...look, isStill })
    if (!isSettled(run)) postpone(notes, clock.now())
  }

  private async lookAtClaims(run: SupervisedRun, notes: Notes): Promise<void> {
    const { cluster, clock } = this.options
    const pod = this.view.podOf(run.jobId)
    notes.claimLook = { at: clock.now(), news: newsOf(this.sight.claimEvents(pod)) }
    notes.claims = await seeClaims(pod, { cluster, log: run.log })
  }

  private claimsAreDue({ claimLook }: Notes, { pod }: Seen): boolean {
    const news = newsOf(this.sight.claimEvents(pod))
    const now = this.options.clock.now()
    return pod !== undefined && isClaimLookDue(pod, claimLook, { now, news })
  }

  private tell(run: SupervisedRun, notes: Notes, what: { seen: Seen; found: Verdict }): void {
    const { pod, job, events = [], jobEvents = [] } = what.seen
    const { clock } = this.options
    if (isQuiet(pod) || clock.now() < notes.tellAt) return
    // Many runs that wait should not all be thought about in one moment.
    if (clock.now() - run.acceptedAt > tellEachMs)
      notes.tellAt = clock.now() + tellEachMs * (0.8 + clock.random() * 0.4)
    this.leadingSince ??= clock.now()
    const podSpec = pod?.spec ?? job?.spec?.template.spec
    // A pod's spec says more than its Job's: what admission has added.
    if (pod && notes.redact === undefined) notes.redact = redactFor(run, podSpec)
    const toTell = {
      ...{ pod, job, events, jobEvents, verdict: what.found },
      claimEvents: this.sight.claimEvents(pod),
      now: clock.now(),
      redact: notes.redact ?? redactFor(run, podSpec),
    }
    narrate(run, notes, { toTell, leadingSince: this.leadingSince })
  }

  private notesOf({ jobId }: SupervisedRun): Notes {
    const notes = this.notes.get(jobId) ?? newNotes(this.options.clock.now())
    this.notes.set(jobId, notes)
    return notes
  }

  private forgetEnded(): void {
    for (const jobId of this.notes.keys()) {
      const run = this.options.find(jobId)
      if (!run || run.ending !== undefined) this.notes.delete(jobId)
    }
  }
}

// How it ends is no question any more.
function isSettled({ over, reporting }: SupervisedRun): boolean {
  return over || reporting
}
