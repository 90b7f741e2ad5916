import type { CoreV1Event, V1Node, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import { awaitedClaims } from '../pod/verdict/claims.js'
import type { Limits } from '../pod/verdict/judgement.js'
import { agentRuns } from '../pod/verdict/status.js'
import type { Seen } from '../pod/verdict/verdict.js'
import { needsNode } from './attention.js'
import { seeEnds, sinceEnds } from './ends-seen.js'
import type { NodeLooks } from './node-looks.js'
import type { Notes } from './notes.js'
import type { Settling } from './settling.js'
import type { SupervisedRun } from './supervised-run.js'
import type { ClusterView } from './view.js'

// Three of the pod agent's own polls.
const deafMs = 15_000

// A call to an earlier process that vanished hangs until the agent gives it up, after a minute.
const firstCallMs = 70_000

/** What is put together to what is seen of a run. */
export interface SightOptions {
  view: ClusterView
  nodes: NodeLooks
  settling: Settling
  limits: Limits
  clock: Clock
}

/** What we know of a run's Job, pod and agent without asking anybody. */
export class Sight {
  private listeningSince: number

  constructor(private readonly options: SightOptions) {
    this.listeningSince = options.clock.now()
  }

  /** Nobody could reach us until now: that an agent has not called since then says nothing of it. */
  wasDeaf(): void {
    this.listeningSince = this.options.clock.now()
  }

  /** What the watches know of the run, and the gateway of its agent. */
  seenOf(run: SupervisedRun, notes: Notes): Seen {
    const { view, nodes, settling, limits, clock } = this.options
    const pod = view.podOf(run.jobId)
    const job = view.job(run.jobName)
    if (pod) notes.podName = pod.metadata?.name ?? notes.podName
    if (pod || job) notes.seen = true
    notes.ends = seeEnds(pod, notes.ends, clock.now())
    return {
      pod,
      job,
      now: settling.judgingTime(),
      limits,
      endsSeen: sinceEnds(notes.ends, clock.now()),
      podSeenBefore: notes.podName !== undefined || run.podSeen,
      claims: notes.claims.map(claim => ({ ...claim, events: this.eventsOfClaim(claim) })),
      events: notes.podName === undefined ? undefined : view.events('Pod', notes.podName),
      jobEvents: view.events('Job', run.jobName),
      node: this.asksNode(run, notes, pod) ? nodes.known(pod?.spec?.nodeName ?? '') : undefined,
      ...this.agentOf(run, notes, pod),
    }
  }

  /** The events about the claims that a pod waits for. */
  claimEvents(pod: V1Pod | undefined): CoreV1Event[] {
    const claims = pod ? awaitedClaims(pod) : []
    return claims.flatMap(
      ({ name }) => this.options.view.events('PersistentVolumeClaim', name) ?? [],
    )
  }

  /** How the pod's node is now, when that matters. Throws `ClusterError`. */
  async freshNode(
    run: SupervisedRun,
    notes: Notes,
    pod: V1Pod | undefined,
  ): Promise<V1Node | undefined> {
    if (!this.asksNode(run, notes, pod)) return undefined
    return this.options.nodes.fresh(pod?.spec?.nodeName ?? '')
  }

  private asksNode(run: SupervisedRun, notes: Notes, pod: V1Pod | undefined): boolean {
    const agentSilentMs = this.agentOf(run, notes, pod).agent?.silentMs
    return needsNode(pod, { agentSilentMs, now: this.options.clock.now() })
  }

  // Nothing is known of an agent while it may not have been able to reach us.
  private agentOf(run: SupervisedRun, notes: Notes, pod: V1Pod | undefined): Pick<Seen, 'agent'> {
    const now = this.options.clock.now()
    const { podCalledAt: calledAt, podPolledAt: polledAt } = run
    const deaf = now - this.listeningSince < deafMs
    if (deaf && (calledAt ?? 0) < this.listeningSince) return {}
    const agent = {
      silentMs: calledAt === undefined ? this.silenceOf(run, notes, pod) : now - calledAt,
      writing: run.podWriting,
      polledMs: typeof polledAt === 'number' ? now - polledAt : polledAt,
    }
    return { agent }
  }

  // An agent that runs and called an earlier process only.
  private silenceOf(run: SupervisedRun, notes: Notes, pod: V1Pod | undefined): number | undefined {
    if (!pod || !agentRuns(pod) || run.podPolledAt === 'never') return undefined
    const silentMs = this.options.clock.now() - Math.max(notes.since, this.listeningSince)
    return silentMs < firstCallMs ? undefined : silentMs
  }

  // The watch may not have told of them yet.
  private eventsOfClaim({ name, events }: { name: string; events: readonly CoreV1Event[] }) {
    const watched = this.options.view.events('PersistentVolumeClaim', name) ?? []
    return watched.length > 0 ? watched : events
  }
}
