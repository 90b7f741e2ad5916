import { gunzipSync } from 'node:zlib'
import type { CoreV1Event, V1Job, V1Pod, V1PodTemplate } from '@kubernetes/client-node'
import type { Cluster } from '../../lib/cluster/cluster.js'
import type { RunRecord, SlotRecord } from '../../lib/ledger/record.js'
import { silentLog } from '../../lib/log.js'
import { Records } from '../../lib/run/records.js'
import type { RunOptions, RunState } from '../../lib/run/run-options.js'
import { Run } from '../../lib/run/run.js'
import { Runs } from '../../lib/run/runs.js'
import type { RunContext } from '../../lib/run/take.js'
import { Slot } from '../../lib/slots/slot.js'
import type { AgentSession } from '../../lib/upstream/session.js'
import { HandClock, HastyClock } from '../cluster-client/hand-clock.js'
import { agentAt, connection, scripted, type Script } from '../upstream/scripted.js'

interface Test {
  teardown(end: () => unknown): void
}

export const jobId = '01890000-0000-4000-8000-000000000001'
/** The name of the job's Job. */
export const name = `buildkite-${jobId}`
export const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ'
export const payload = {
  id: jobId,
  env: { BUILDKITE_COMMAND: 'true' },
  token: 'job-token',
  chunks_max_size_bytes: 100_000,
}
export const opening = { text: 'first\n', sequence: 1, bytes: 6 }

/** A chunk that upstream got. */
export interface SentChunk {
  sequence: number
  offset: number
  text: string
}

/** An upstream that takes all that is sent about a job; `script` may answer otherwise. */
export async function jobUpstream(t: Test, script: Script = () => undefined) {
  const upstream = await scripted(t, async (got, response) => {
    const said = await script(got, response)
    if (said || response.writableEnded || response.destroyed) return said
    if (got.path.endsWith('/accept')) return { json: payload }
    return { json: got.method === 'GET' ? { state: 'running' } : {} }
  })
  const of = (end: string) =>
    upstream.got.filter(({ path }) => path.split('?')[0]?.endsWith(end) === true)
  return {
    ...upstream,
    finishes: () => of('/finish').map(({ json }) => json as Record<string, unknown>),
    starts: () => of('/start').length,
    annotations: () => of('/annotations').map(({ json }) => json as { body: string }),
    chunks: (): SentChunk[] =>
      of('/chunks').map(({ path, body }) => {
        const query = new URLSearchParams(path.split('?')[1])
        const text = gunzipSync(body).toString()
        return {
          sequence: Number(query.get('sequence')),
          offset: Number(query.get('offset')),
          text,
        }
      }),
  }
}

/** The log that chunks make, the last of each place counting; undefined when they leave a hole or overlap. */
export function tiled(chunks: readonly SentChunk[]): string | undefined {
  const bySequence = new Map(chunks.map(chunk => [chunk.sequence, chunk]))
  let log = ''
  for (let sequence = 1; sequence <= bySequence.size; sequence++) {
    const chunk = bySequence.get(sequence)
    if (!chunk || chunk.offset !== Buffer.byteLength(log)) return undefined
    log += chunk.text
  }
  return log
}

/** A run whose upstream is at `endpoint`. It waits for nothing but upstream, whose faults are over at once. */
export function runAt(t: Test, endpoint: string, given: Partial<RunOptions> = {}) {
  const clock = new HandClock()
  const kept: RunState[] = []
  const noted: RunState[] = []
  const run = new Run({
    payload,
    jobName: name,
    secret,
    state: { opening },
    restored: false,
    session: () => agentAt(endpoint),
    connection: connection(t, new HastyClock(3_600_000)),
    log: silentLog(),
    clock,
    keep: async state => void kept.push(state),
    note: state => void noted.push(state),
    ...given,
  })
  t.teardown(() => run.endedUpstream('test over'))
  return { run, clock, kept, noted }
}

/** The Jobs and pods of a cluster, as the tests put them there. */
export class FakeCluster {
  readonly jobs = new Map<string, V1Job>()
  pods: V1Pod[] = []
  readonly eventsOf = new Map<string, CoreV1Event[]>()
  readonly deleted: string[] = []
  readonly created: V1Job[] = []
  /** Called before a Job is made; may throw. */
  onCreate: (attempt: number) => unknown = () => undefined
  readonly namespace = 'jobs'
  readonly templates = new Map<string, V1PodTemplate>()
  /** How often PodTemplates were asked for. */
  templateLooks = 0
  /** Called before a PodTemplate is given; may throw. */
  onTemplate: (attempt: number) => unknown = () => undefined
  private attempts = 0

  async createJob(job: V1Job) {
    await this.onCreate(this.attempts++)
    const name = job.metadata?.name ?? ''
    const existed = this.jobs.has(name)
    if (!existed) this.created.push(job)
    this.jobs.set(name, job)
    return { job, existed }
  }
  async getJob(name: string) {
    return this.jobs.get(name)
  }
  async deleteJob(name: string) {
    this.deleted.push(name)
    this.jobs.delete(name)
  }
  async podsOfJob() {
    return this.pods
  }
  async getPod(name: string) {
    return this.pods.find(({ metadata }) => metadata?.name === name)
  }
  async events(name: string) {
    return this.eventsOf.get(name) ?? []
  }
  async getPodTemplate(name: string) {
    await this.onTemplate(this.templateLooks++)
    return this.templates.get(name)
  }
  get asCluster(): Cluster {
    return this as unknown as Cluster
  }
}

/** What a run needs of the program, with a fake cluster and a ledger that `puts` shows. */
export function contextOf(t: Test, given: Partial<RunContext> & { clock?: HandClock } = {}) {
  const cluster = new FakeCluster()
  // Hasty enough for patience with refusals, and never so with silence.
  const clock = given.clock ?? new HastyClock(14_000)
  const puts: SlotRecord[] = []
  const notes: SlotRecord[] = []
  const removed: number[] = []
  const ledger = {
    put: async (record: SlotRecord) => void puts.push(structuredClone(record)),
    note: (record: SlotRecord) => void notes.push(structuredClone(record)),
    remove: async (slot: number) => void removed.push(slot),
  }
  const context: RunContext = {
    cluster: cluster.asCluster,
    clock,
    log: silentLog(),
    connection: connection(t, new HastyClock(3_600_000)),
    records: new Records(ledger),
    runs: new Runs(clock),
    pod: {
      instance: 'ci',
      namespace: 'jobs',
      agentImage: 'agent',
      jobPrefix: 'buildkite-',
      jobTtlSeconds: 600,
      jobActiveDeadlineSeconds: 3_600,
      terminationGracePeriodSeconds: 60,
      gatewayEndpoint: 'http://gateway/v3',
    },
    ...given,
  }
  t.teardown(() => {
    for (const run of context.runs.open()) run.endedUpstream('test over')
  })
  return { context, cluster, clock, puts, notes, removed, ledger }
}

/** A slot with a session at `endpoint`; its heart does not beat. */
export function slotAt(t: Test, endpoint: string, more: Partial<AgentSession> = {}): Slot {
  const clock = new HandClock()
  const slot = new Slot(0, { connection: connection(t), log: silentLog(), clock })
  slot.session = agentAt(endpoint, more)
  slot.state = 'busy'
  return slot
}

/** An accepted job's record, as the ledger has it. */
export function accepted(more: Partial<RunRecord> = {}) {
  return {
    jobId,
    phase: 'accepted',
    payload,
    jobName: name,
    secret,
    opening,
    acceptedAt: 1_000_000,
    ...more,
  } as const
}
