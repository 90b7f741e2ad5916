import { setTimeout as delay } from 'node:timers/promises'
import type { V1Lease, V1Pod } from '@kubernetes/client-node'
import { isOver } from '../harness/builds.js'
import type { KindName } from './jobs.js'
import { Nemesis, type Shares } from './nemesis.js'
import { Random } from './random.js'
import { cancel } from './stories.js'
import { asAdmin } from './admin.js'
import { jobsNamespace, ledgerNamespace, type FaultWorld } from './world.js'

/** Something that a schedule does at a moment. */
export type Act =
  | { do: 'submit'; kind: KindName }
  | { do: 'kill' | 'term'; member: number }
  | { do: 'freeze'; member: number; ms: number }
  | {
      do: 'part'
      member: number
      side: 'upstream' | 'kubernetes'
      how: 'cut' | 'silent'
      ms: number
    }
  | { do: 'drop watches'; how: 'close' | 'gone' }
  | { do: 'hold watches'; ms: number }
  | { do: 'delete a pod' | 'add a pod' | 'delete the lease' }
  | { do: 'cut pods off'; ms: number }

/** What a seed stands for. */
export interface Schedule {
  seed: number
  replicas: number
  /** How far the clock of each replica is off. */
  skews: readonly number[]
  shares: Shares
  acts: readonly { at: number; act: Act }[]
  /** When the last fault ends, in milliseconds. */
  lasts: number
}

const lasts = 8_000

/** The schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(seed)
  const replicas = random.pick([1, 2])
  const jobs: KindName[] = Array.from({ length: random.between(3, 6) }, () =>
    random.pick<KindName>(['quick', 'status', 'lines', 'long', 'cancel', 'badPlugin']),
  )
  const troubles = Array.from({ length: random.between(2, 5) }, () => actOf(random, replicas))
  const submits = jobs.map(kind => ({
    at: random.between(0, 5_000),
    act: { do: 'submit', kind } as const,
  }))
  return {
    seed,
    replicas,
    skews: Array.from({ length: replicas }, () => random.pick([0, 0, 300_000, -300_000])),
    shares: { upstream: random.pick([0, 0.1, 0.4]), kubernetes: random.pick([0, 0.1, 0.4]) },
    acts: [
      ...submits,
      ...troubles.map(act => ({ at: random.between(1_500, 6_000), act })),
    ].toSorted((a, b) => a.at - b.at),
    lasts,
  }
}

function actOf(random: Random, replicas: number): Act {
  const member = random.between(0, replicas - 1)
  const ms = random.between(200, 5_000)
  return random.pick<Act>([
    { do: 'kill', member },
    { do: 'kill', member },
    { do: 'term', member },
    { do: 'freeze', member, ms },
    {
      do: 'part',
      member,
      side: random.pick(['upstream', 'kubernetes']),
      how: random.pick(['cut', 'silent']),
      ms,
    },
    {
      do: 'part',
      member,
      side: random.pick(['upstream', 'kubernetes']),
      how: random.pick(['cut', 'silent']),
      ms,
    },
    { do: 'drop watches', how: random.pick(['close', 'gone']) },
    { do: 'hold watches', ms },
    { do: 'delete a pod' },
    { do: 'add a pod' },
    { do: 'delete the lease' },
    { do: 'cut pods off', ms: Math.min(ms, 3_000) },
  ])
}

/** Says a schedule in one line. */
export function told({ replicas, skews, shares, acts }: Schedule): string {
  const words = acts.map(({ at, act }) => `${at} ${Object.values(act).join(' ')}`)
  const often = `troubles ${shares.upstream} ${shares.kubernetes}`
  return [`${replicas} processes`, `clocks ${skews.join(' ')}`, often, ...words].join('; ')
}

/** Carries a schedule out: no fault is in force any more when this resolves, with how many requests met with trouble. */
export async function perform(schedule: Schedule, world: FaultWorld): Promise<number> {
  const { upstream, cluster, members } = world
  const nemesis = new Nemesis(schedule.seed, schedule.shares)
  members.forEach(({ replica }, index) =>
    replica.start({ machine: `machine ${index}`, skewMs: schedule.skews[index] }),
  )
  upstream.fault(request => nemesis.upstream(request))
  cluster.fault(request => nemesis.kubernetes(request))
  const doing = schedule.acts.map(async ({ at, act }) => {
    await delay(at)
    if (act.do !== 'submit') world.faults += 1
    await carryOut(act, world)
  })
  await Promise.all([...doing, delay(schedule.lasts)])
  nemesis.end()
  world.faults += nemesis.met
  return nemesis.met
}

async function carryOut(act: Act, world: FaultWorld): Promise<void> {
  const { members, cluster, service } = world
  switch (act.do) {
    case 'submit': {
      const job = world.submit(act.kind)
      // Its cancelation waits for its command, which may take longer than the schedule.
      if (job.kind.canceled) void cancel(world, job)
      return
    }
    case 'kill':
      return void (await members[act.member]?.replica.crash())
    case 'term':
      return members[act.member]?.replica.signal('SIGTERM')
    case 'freeze': {
      const replica = members[act.member]?.replica
      replica?.signal('SIGSTOP')
      await delay(act.ms)
      return replica?.signal('SIGCONT')
    }
    case 'part': {
      const link = members[act.member]?.[act.side]
      if (link) link.state = act.how
      await delay(act.ms)
      if (link) link.state = 'open'
      return
    }
    case 'drop watches':
      return cluster.dropWatches(act.how)
    case 'hold watches': {
      const release = cluster.holdWatches()
      await delay(act.ms)
      return release()
    }
    case 'delete a pod':
      return deletePod(world)
    case 'add a pod':
      return addPod(world)
    case 'delete the lease':
      return deleteLease(world)
    case 'cut pods off': {
      service.link.state = 'cut'
      await delay(act.ms)
      service.link.state = 'open'
    }
  }
}

/** The first pod that belongs to a job that has not ended, with that job. */
function livePod({ cluster, jobs, upstream }: FaultWorld) {
  const pods = cluster.objects('pods', jobsNamespace) as V1Pod[]
  for (const job of jobs) {
    if (isOver(upstream.job(job.id))) continue
    const pod = pods.find(({ metadata }) => metadata?.labels?.['buildkite.com/job-uuid'] === job.id)
    if (pod) return { job, pod }
  }
  return undefined
}

function deletePod(world: FaultWorld): void {
  const found = livePod(world)
  if (!found) return
  found.job.harm.push('its pod was deleted')
  world.cluster.deletePod(jobsNamespace, found.pod.metadata?.name ?? '', { force: true })
}

/** A second pod of the same Job, as a controller makes one that has lost sight of the first. */
async function addPod(world: FaultWorld): Promise<void> {
  const found = livePod(world)
  if (!found) return
  found.job.harm.push('it was given a second pod')
  const { name, labels, annotations, ownerReferences } = found.pod.metadata ?? {}
  const metadata = { name: `${name}-twin`, labels, annotations, ownerReferences }
  const { nodeName: _, ...spec } = found.pod.spec ?? {}
  const path = `/api/v1/namespaces/${jobsNamespace}/pods`
  await asAdmin(world.cluster, 'POST', path, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
}

async function deleteLease(world: FaultWorld): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${ledgerNamespace}/leases`
  for (const lease of world.cluster.objects('leases', ledgerNamespace) as V1Lease[]) {
    await asAdmin(world.cluster, 'DELETE', `${path}/${lease.metadata?.name}`)
  }
}
