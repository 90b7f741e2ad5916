import type { V1Pod } from '@kubernetes/client-node'
import { asAdmin } from './admin.js'
import type { History, JobRecord, SeenText } from './history.js'
import { executionsOf, tokensOf } from './jobs.js'
import { now, ofDate } from './time.js'
import { jobsNamespace, type FaultWorld, type Submitted } from './world.js'

/** All that was seen until now. */
export async function record(world: FaultWorld, unrest: readonly string[]): Promise<History> {
  const { upstream, cluster, members, changes, limits, faults } = world
  const jobs = world.jobs.map(job => jobRecord(world, job))
  const lives = members.flatMap(({ replica }) => replica.lives)
  const happenings = members.flatMap(({ replica }) => replica.happenings())
  return {
    jobs,
    requests: upstream.requests.map(request => ({ ...request, at: ofDate(request.at) })),
    objections: [...upstream.violations],
    happenings: happenings.toSorted((a, b) => a.at - b.at),
    lives,
    changes,
    writes: cluster.writes.map(({ verb, kind, name, time }) => ({
      at: ofDate(time),
      verb,
      kind,
      name,
    })),
    texts: [
      ...textsOf(world),
      ...(await podLogs(world)),
      ...jobs.map(({ id, log }) => ({ where: `log of job ${id}`, text: log })),
    ],
    secrets: secretsOf(world),
    limits,
    replicas: members.length,
    faults,
    unrest,
    endedAt: now(),
  }
}

function jobRecord({ upstream, folder }: FaultWorld, { id, kind, harm }: Submitted): JobRecord {
  const view = upstream.job(id)
  const { state, exitStatus, signalReason, finishCount, log } = view
  return {
    id,
    kind,
    state,
    exitStatus,
    signalReason,
    finishCount,
    chunksFailedCount: view.chunksFailedCount ?? 0,
    events: view.events.map(({ event, at }) => ({ event, at: ofDate(at) })),
    log,
    executions: executionsOf(folder, id),
    harm,
  }
}

function textsOf({ members, changes }: FaultWorld): SeenText[] {
  const printed = members.flatMap(({ replica }) =>
    replica.lives.flatMap(({ pid, lines }) =>
      lines.map(text => ({ where: `output of ${replica.name}, process ${pid}`, text })),
    ),
  )
  // The ledger's Secrets are where secrets belong.
  const objects = changes.filter(
    ({ kind, namespace }) => kind !== 'Secret' || namespace === jobsNamespace,
  )
  return [
    ...printed,
    ...objects.map(({ kind, name, object }) => ({
      where: `${kind} ${name}`,
      text: JSON.stringify(object),
    })),
  ]
}

function secretsOf({ agentToken, jobs, folder }: FaultWorld) {
  const ofJobs = jobs.flatMap(({ id }) => tokensOf(folder, id))
  return [
    { what: 'the agent token of the cluster', value: agentToken },
    ...[...new Set(ofJobs)].map(value => ({ what: 'a job token of ours', value })),
  ]
}

/** What the containers of the pods that are still there have printed. */
async function podLogs({ cluster }: FaultWorld): Promise<SeenText[]> {
  const pods = cluster.objects('pods', jobsNamespace) as V1Pod[]
  const containers = pods.flatMap(({ metadata, spec }) =>
    (spec?.containers ?? []).map(({ name }) => ({ pod: metadata?.name ?? '', name })),
  )
  return Promise.all(
    containers.map(async ({ pod, name }) => {
      const path = `/api/v1/namespaces/${jobsNamespace}/pods/${pod}/log?container=${name}`
      const text = (await asAdmin(cluster, 'GET', path)) ?? ''
      return { where: `container ${name} of pod ${pod}`, text }
    }),
  )
}
