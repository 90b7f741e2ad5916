import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Change } from '../../lib/sandbox/cluster/storage.js'
import { startEmulator, type Emulator } from '../../lib/sandbox/buildkite/server.js'
import { startCluster, type EmbeddedCluster } from '../../lib/sandbox/cluster/server.js'
import type { JobView } from '../../lib/sandbox/buildkite/views.js'
import { isOver } from '../harness/builds.js'
import { freePort } from '../harness/ports.js'
import type { Limits, ObjectChange } from './history.js'
import { kinds, type JobKind, type KindName } from './jobs.js'
import { Link } from './link.js'
import { Replica } from './replica.js'
import { Service } from './service.js'
import { now } from './time.js'

/** The namespaces of the Jobs and of the ledger. */
export const jobsNamespace = 'jobs'
export const ledgerNamespace = 'ledger'

/** What a world is made of beyond the usual. */
export interface WorldOptions {
  /** `bin/job-spawner` of the program that is tested. */
  program: string
  /** What `node --import` loads before it. */
  hook: string
  replicas?: number
  flags?: Record<string, string | number>
  maxInFlight?: number
  leaseSeconds?: number
}

/** A replica with the pieces of network that lead it to upstream and to the API server. */
export interface Member {
  replica: Replica
  upstream: Link
  kubernetes: Link
  port: number
}

/** A job that the suite has made. */
export interface Submitted {
  id: string
  kind: JobKind
  harm: string[]
}

/** The program's processes between an emulated Buildkite and an embedded cluster, with all that is recorded of it. */
export interface FaultWorld {
  upstream: Emulator
  cluster: EmbeddedCluster
  members: readonly Member[]
  service: Service
  jobs: Submitted[]
  changes: ObjectChange[]
  /** Where the jobs' commands leave their notes. */
  folder: string
  limits: Limits
  agentToken: string
  /** Faults that were made so far. */
  faults: number
  /** Gives upstream a build of one step. */
  submit(kind: KindName): Submitted
  view(job: Submitted): JobView
  close(): Promise<void>
}

const timeouts = { assignedMs: 10_000, acceptedMs: 10_000, lostMs: 60_000, cancelGraceMs: 30_000 }

/** Starts everything but the processes. */
export async function startWorld(options: WorldOptions): Promise<FaultWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'job-spawner-faults-'))
  const agentToken = `agent-token-${Math.random().toString(36).slice(2)}`
  const cluster = await startCluster()
  const upstream = await startEmulator({
    token: agentToken,
    defaultQueue: 'bk-operator',
    intervals: { ping: 0.5, jobStatus: 0.5, heartbeat: 1 },
    timeouts,
  })
  const changes: ObjectChange[] = []
  cluster.onChange(change => changes.push(recorded(change)))
  const { members, service } = await startMembers(options, {
    folder,
    upstream,
    cluster,
    agentToken,
  })
  const jobs: Submitted[] = []
  const world: FaultWorld = {
    upstream,
    cluster,
    members,
    service,
    jobs,
    changes,
    folder,
    limits: limitsOf(options),
    agentToken,
    faults: 0,
    submit: name => {
      const job = submitted(world, kinds[name])
      jobs.push(job)
      return job
    },
    view: job => upstream.job(job.id),
    close: async () => {
      await Promise.all(members.map(({ replica }) => replica.stop()))
      await service.close()
      await Promise.all(
        members.flatMap(member => [member.upstream.close(), member.kubernetes.close()]),
      )
      await upstream.close()
      await cluster.close()
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return world
}

function limitsOf({ maxInFlight = 4, leaseSeconds = 3 }: WorldOptions): Limits {
  return {
    maxInFlight,
    leaseMs: leaseSeconds * 1000,
    restMs: 60_000,
    writesPerJob: 2,
    requestsPerJob: 40,
  }
}

interface Surroundings {
  folder: string
  upstream: Emulator
  cluster: EmbeddedCluster
  agentToken: string
}

async function startMembers(options: WorldOptions, around: Surroundings) {
  const count = options.replicas ?? 1
  const ports = await Promise.all(Array.from({ length: count }, () => freePort()))
  const service = await new Service(ports.map(port => ({ host: '127.0.0.1', port }))).listen()
  const members = await Promise.all(
    ports.map((port, index) => startMember(options, around, { port, index, url: service.url })),
  )
  return { members, service }
}

async function startMember(
  options: WorldOptions,
  { folder, upstream, cluster, agentToken }: Surroundings,
  { port, index, url }: { port: number; index: number; url: string },
): Promise<Member> {
  const toUpstream = await linkTo(upstream.url)
  const toCluster = await linkTo(cluster.url)
  const name = `replica-${index}`
  const kubeconfig = join(folder, `${name}.kubeconfig`)
  const config = readFileSync(cluster.kubeconfig, 'utf8')
  const { host } = new URL(cluster.url)
  writeFileSync(kubeconfig, config.replaceAll(host, `127.0.0.1:${toCluster.port}`))
  const { maxInFlight = 4, program, hook, flags } = options
  const replica = new Replica({
    name,
    program,
    hook,
    history: join(folder, `${name}.history`),
    peers: {
      [`127.0.0.1:${toUpstream.port}`]: 'upstream',
      [`127.0.0.1:${toCluster.port}`]: 'kubernetes',
    },
    env: { BUILDKITE_AGENT_TOKEN: agentToken, POD_UID: `uid-of-${name}` },
    flags: {
      endpoint: `http://127.0.0.1:${toUpstream.port}/v3`,
      kubeconfig,
      name: 'faults-%i',
      namespace: jobsNamespace,
      'ledger-namespace': ledgerNamespace,
      'gateway-listen': `127.0.0.1:${port}`,
      'metrics-listen': '127.0.0.1:0',
      'gateway-url': url,
      'log-level': 'debug',
      'max-in-flight': maxInFlight,
      'lease-duration': `${options.leaseSeconds ?? 3}s`,
      ...flags,
    },
  })
  return { replica, upstream: toUpstream, kubernetes: toCluster, port }
}

function linkTo(url: string): Promise<Link> {
  const { hostname: host, port } = new URL(url)
  return new Link(() => ({ host, port: Number(port) })).listen()
}

function submitted({ upstream, folder }: FaultWorld, kind: JobKind): Submitted {
  const pipeline = JSON.stringify({ steps: [kind.step(folder)] })
  const { jobs } = upstream.createBuild(pipeline, { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } })
  const [job] = jobs
  if (!job) throw new Error('the build has no job')
  return { id: job.id, kind, harm: [] }
}

function recorded({ type, object }: Change): ObjectChange {
  const { kind, metadata } = object
  const { namespace, name } = metadata
  return {
    at: now(),
    type,
    kind,
    namespace,
    name,
    object,
  }
}

/** What is not at rest, in words; nothing when all is. */
export function unrest({ upstream, cluster, jobs, service, limits }: FaultWorld): string[] {
  const found: string[] = []
  const connected = upstream.agents().filter(({ state }) => state === 'connected').length
  if (connected !== limits.maxInFlight) {
    found.push(`${connected} agents are connected, of ${limits.maxInFlight}`)
  }
  for (const { id, kind } of jobs) {
    const { state } = upstream.job(id)
    if (!isOver(upstream.job(id))) found.push(`job ${kind.name} ${id} is ${state}`)
  }
  for (const agent of upstream.agents()) {
    if (agent.jobId !== undefined) found.push(`agent ${agent.name} has job ${agent.jobId}`)
  }
  for (const pod of cluster.objects('pods', jobsNamespace) as PodLike[]) {
    const { phase } = pod.status ?? {}
    if (phase !== 'Succeeded' && phase !== 'Failed') {
      found.push(`pod ${pod.metadata.name} is ${phase}`)
    }
  }
  for (const job of cluster.objects('jobs', jobsNamespace) as PodLike[]) {
    const over = job.status?.conditions?.some(
      ({ type }) => type === 'Complete' || type === 'Failed',
    )
    if (!over) found.push(`Job ${job.metadata.name} has not ended`)
  }
  if (service.ready.length !== 1) found.push(`${service.ready.length} processes are ready`)
  if (service.away.length > 0) found.push(`${service.away.length} replicas do not answer`)
  return found
}

interface PodLike {
  metadata: { name: string }
  status?: { phase?: string; conditions?: { type: string }[] }
}
