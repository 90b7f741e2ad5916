import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import type { Over } from '../pod/verdict/verdict.js'
import { holdMs } from './after-run.js'
import { podCause } from './cause.js'
import { lastWordsOf } from './last-words.js'
import { redactFor } from './redact-for.js'
import type { SupervisedRun } from './supervised-run.js'
import { endUnfinished } from './unfinished.js'

// Whoever takes them does so at once.
const mostMessages = 1_000

/** How runs end over a verdict. */
export class Ends {
  private readonly messages = new Map<string, string>()

  constructor(private readonly options: { cluster: Cluster; clock: Clock }) {}

  /**
   * Ends the run, with what people should read, and then its Job. To fetch the last words takes time: when `isStill` says
   * no after it, nothing is done. Throws `ClusterError` when the Job goes on.
   */
  async end(
    run: SupervisedRun,
    found: Over,
    {
      pod,
      job,
      isStill,
    }: { pod: V1Pod | undefined; job: V1Job | undefined; isStill: () => boolean },
  ): Promise<void> {
    const { cluster, clock } = this.options
    const words = pod
      ? await lastWordsOf(found.lastWordsOf ?? [], pod, { run, cluster, clock })
      : []
    if (!isStill()) return
    run.log.warn({ cause: found.cause, fault: found.fault }, 'pod over without a finish')
    const message = redactFor(run, pod?.spec ?? job?.spec?.template.spec)(found.message)
    this.keep(run.jobId, message)
    await run.end(podCause(found, [message, ...words].join('\n')))
    // Left to the next process, which is to find the Job as its pod left it.
    if (run.ending === undefined) return
    // One that people want to look into is left to the cleaner.
    if (run.replaced || (pod && holdMs(pod) > 0)) return
    await endUnfinished(run.jobName, cluster)
  }

  /** What the run was ended over, for people; it is forgotten then. */
  takeMessage(jobId: string): string | undefined {
    const message = this.messages.get(jobId)
    this.messages.delete(jobId)
    return message
  }

  private keep(jobId: string, message: string): void {
    this.messages.set(jobId, message)
    for (const oldest of this.messages.keys()) {
      if (this.messages.size <= mostMessages) return
      this.messages.delete(oldest)
    }
  }
}
