import type { V1Job } from '@kubernetes/client-node'
import type { Cluster } from '../cluster/cluster.js'
import type { Log } from '../log.js'
import { labels, labelValue } from '../pod/metadata.js'
import { unlessForbidden } from './unless-forbidden.js'
import { isFinished } from './unfinished.js'

/** What finding the Jobs of former installations needs. */
export interface FormerContext {
  cluster: Pick<Cluster, 'listJobs' | 'namespace'>
  log: Log
  /** Ours: the namespace of our ledger, a dot, and the name of the installation. */
  owner: string
  isRun: (jobId: string) => boolean
}

// Nobody reads more lines than that.
const mostListed = 20

/**
 * Lists, for people, the Jobs that still go on and have no run: ours, which the reaper deletes, and those of an
 * installation of the same name whose ledger was in another namespace, which are left to whoever knows them.
 */
export async function listFormerJobs(context: FormerContext): Promise<void> {
  const { cluster, log, owner, isRun } = context
  const selector = `${labels.managedBy}=job-spawner`
  const jobs = await unlessForbidden(cluster.listJobs(selector), err =>
    log.warn({ err }, 'Jobs of a former installation are not looked for'),
  )
  const { ours, foreign } = formerJobs(jobs ?? [], { owner, isRun })
  for (const job of ours.slice(0, mostListed))
    log.warn(factsOf(job, cluster), 'Job of ours without a run: it is deleted when it stays so')
  for (const job of foreign.slice(0, mostListed))
    log.warn(
      factsOf(job, cluster),
      'Job of a former installation of this name, left alone: delete it when nobody needs it',
    )
  const more = [ours, foreign].reduce(
    (sum, { length }) => sum + Math.max(0, length - mostListed),
    0,
  )
  if (more > 0) log.warn({ more }, 'more such Jobs are not listed')
}

/** Of Jobs that go on those of ours without a run, and those of another installation of our name. */
export function formerJobs(
  jobs: readonly V1Job[],
  { owner, isRun }: Pick<FormerContext, 'owner' | 'isRun'>,
): { ours: V1Job[]; foreign: V1Job[] } {
  const name = owner.slice(owner.indexOf('.') + 1)
  const goingOn = jobs.filter(job => !isFinished(job) && !job.metadata?.deletionTimestamp)
  const us = labelValue(owner)
  const ownerOf = (job: V1Job) => job.metadata?.labels?.[labels.instance] ?? ''
  return {
    ours: goingOn.filter(
      job => ownerOf(job) === us && !isRun(job.metadata?.labels?.[labels.jobUuid] ?? ''),
    ),
    // A namespace has no dot in its name.
    foreign: goingOn.filter(job => {
      const [, found] = /^[^.]+\.(.*)$/s.exec(ownerOf(job)) ?? []
      return ownerOf(job) !== us && found === name
    }),
  }
}

function factsOf({ metadata }: V1Job, { namespace }: Pick<Cluster, 'namespace'>): object {
  const name = metadata?.name ?? ''
  return {
    name,
    job: metadata?.labels?.[labels.jobUuid],
    owner: metadata?.labels?.[labels.instance],
    command: `kubectl delete job ${name} --namespace ${namespace}`,
  }
}
