import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import type { RunRecord } from '../../lib/ledger/record.js'
import { silentLog } from '../../lib/log.js'
import { recover } from '../../lib/run/recover.js'
import { SlotPool } from '../../lib/slots/pool.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { agentAt, connection, type Got, type Said } from '../upstream/scripted.js'
import { accepted, contextOf, jobId, jobUpstream, opening, payload, tiled, name } from './run-of.js'

type Tap = { teardown(end: () => unknown): void }
type Given = {
  run?: RunRecord
  state?: string | number | (() => Said)
  hasJob?: boolean
  /** Whether the watch knows of the Job. */
  watched?: boolean
  now?: number
  noSession?: boolean
  /** What is known of the Job that there was. */
  events?: CoreV1Event[] | Error
  pods?: V1Pod[]
  /** What the settings say that names of Jobs begin with. */
  jobPrefix?: string
}

/** A process that takes up one slot of an earlier one. */
async function restarted(t: Tap, given: Given) {
  const { run, state = 'running', hasJob = true, now, noSession, watched = true } = given
  const upstream = await jobUpstream(t, ({ method, path }: Got): Said | undefined => {
    if (method !== 'GET' || path === '/ping') return undefined
    if (typeof state === 'function') return state()
    return typeof state === 'number' ? { status: state } : { json: { state } }
  })
  const { context, cluster, clock, removed } = contextOf(t)
  if (now !== undefined) clock.advance(now - clock.now())
  if (hasJob) cluster.jobs.set(name, {})
  const { events = [], pods = [] } = given
  if (events instanceof Error) cluster.events = () => Promise.reject(events)
  else cluster.eventsOf.set(name, events)
  cluster.pods = pods
  const pool = new SlotPool({
    endpoint: upstream.endpoint,
    token: 'x',
    tags: [],
    name: 'ci-%i',
    size: 1,
    connection: connection(t),
    log: silentLog(),
    clock: new HandClock(),
    keep: async () => undefined,
    forget: async () => undefined,
    work: async () => undefined,
  })
  t.teardown(() => {
    pool.abandon()
    for (const one of context.runs.open()) one.endedUpstream('test over')
  })
  if (given.jobPrefix !== undefined) context.pod = { ...context.pod, jobPrefix: given.jobPrefix }
  const supervisor = {
    synced: async () => true,
    hasJob: (one: string) => watched && cluster.jobs.has(one),
  }
  const registration = noSession ? undefined : agentAt(upstream.endpoint)
  await recover([{ version: 1, slot: 0, registration, run }], { pool, supervisor, context })
  return { upstream, context, cluster, pool, removed, run: context.runs.find(jobId) }
}

t.test('a run goes on: its heart beats and the gateway knows it at once', async t => {
  const { run, pool, upstream, cluster } = await restarted(t, { run: accepted() })
  t.ok(run, 'before anything is asked')
  t.equal(pool.slots[0]?.state, 'busy')
  await until(() => upstream.calls().includes('POST /heartbeat'))
  await until(() => run?.jobCreated === true && upstream.chunks().length === 1)
  t.match(upstream.chunks(), [{ sequence: 1, offset: 0, text: opening.text }], 'harmless')
  t.same(upstream.starts(), 0)
  t.same(cluster.created, [])
  await run?.finishFromPod({ exit_status: '3' })
  t.match(await run?.ended, { by: 'pod', exitStatus: 3 })
})

t.test('a job that is over at Buildkite is not finished again, and loses its Job', async t => {
  for (const state of ['finished', 'canceled', 'timed_out', 401, 404]) {
    const { run, upstream, cluster } = await restarted(t, { run: accepted(), state })
    t.match(await run?.ended, { by: 'upstream' }, String(state))
    await until(() => cluster.deleted.length === 1)
    t.same(upstream.finishes(), [])
    t.same(cluster.created, [])
  }
})

t.test('until upstream has spoken nobody judges the pod', async t => {
  let asked = 0
  const state = () => (++asked < 4 ? { status: 503 } : { json: { state: 'running' } })
  const { run } = await restarted(t, { run: accepted(), state })
  t.equal(run?.jobCreated, false)
  await until(() => run?.jobCreated === true)
  t.ok(asked >= 4)
})

t.test('a job that was accepted and never started is started', async t => {
  const state = 'accepted'
  const { upstream, cluster } = await restarted(t, { run: accepted(), state, hasJob: false })
  await until(() => cluster.created.length === 1)
  t.equal(upstream.starts(), 1)
})

t.test('a job that was cancelled while nobody was there never gets a Job', async t => {
  const given = { run: accepted(), state: 'canceling', hasJob: false }
  const { run, upstream, cluster } = await restarted(t, given)
  t.match(await run?.ended, { by: 'spawner', cause: 'JobCancelled' })
  t.same(cluster.created, [])
  t.equal(upstream.finishes().length, 1)
})

const tenMinutesLater = 1_000_000 + 600_000
const made = { reason: 'SuccessfulCreate', message: 'Created pod: x' } as CoreV1Event

t.test('a job that was started and never got its Job gets it, however long ago', async t => {
  for (const now of [1_000_000 + 30_000, tenMinutesLater, 1_000_000 + 40 * 60_000]) {
    const { upstream, cluster } = await restarted(t, { run: accepted(), hasJob: false, now })
    await until(() => cluster.created.length === 1)
    t.equal(upstream.starts(), 0)
    t.same(upstream.finishes(), [])
  }
})

t.test(
  'a Job that the watch has not told of yet is not made again, nor called deleted',
  async t => {
    const { run, cluster } = await restarted(t, { run: accepted(), watched: false })
    await until(() => run?.jobCreated === true)
    t.same(cluster.created, [])
    t.notOk(run?.over)
  },
)

t.test('a Job that somebody deleted meanwhile ends its run, and overwrites no log', async t => {
  const now = tenMinutesLater
  const events = [made]
  const left = { run: accepted(), hasJob: false, now, events }
  const { run, upstream, cluster } = await restarted(t, left)
  t.match(await run?.ended, { by: 'spawner', cause: 'JobDeleted', exitStatus: -1 })
  t.same(cluster.created, [])
  t.match(upstream.annotations(), [{ body: /JobDeleted/ }], 'a pod may have written to the log')
  t.same(upstream.chunks(), [{ sequence: 1, offset: 0, text: opening.text }])
})

t.test('whatever a Job leaves behind speaks against making it again', async t => {
  const now = 1_000_000 + 30_000
  const forbidden = new ClusterError({ status: 403, message: 'no events for you' })
  const traces: [string, Given][] = [
    ['its UID in the ledger', { run: accepted({ jobUid: 'u' }) }],
    ["its pod's", { run: accepted({ podUid: 'u' }) }],
    ['lines of its pod', { run: accepted({ cursor: { sequence: 2, offset: 9 } }) }],
    ['its pod', { run: accepted(), pods: [{}] }],
    ['events of long ago are forgotten', { run: accepted(), now: 1_000_000 + 3_600_000 }],
    ['unreadable events', { run: accepted(), now: tenMinutesLater, events: forbidden }],
  ]
  for (const [what, given] of traces) {
    const { run, cluster } = await restarted(t, { now, ...given, hasJob: false })
    t.match(await run?.ended, { by: 'spawner', cause: 'JobDeleted' }, what)
    t.same(cluster.created, [], what)
  }
  const { cluster } = await restarted(t, { run: accepted(), now, hasJob: false, events: forbidden })
  await until(() => cluster.created.length === 1)
})

t.test('what a pod had reported is delivered, and its Job left alone', async t => {
  const reported = { exit_status: '4', chunks_failed_count: 0 }
  const { run, upstream, cluster } = await restarted(t, { run: accepted({ reported }) })
  t.ok(run?.over, 'nobody judges its pod')
  t.match(await run?.ended, { by: 'pod', exitStatus: 4 })
  t.same(upstream.finishes(), [reported])
  t.same(cluster.deleted, [])
})

t.test('a run that can not go on yet keeps no other waiting', async t => {
  const { run, pool } = await restarted(t, { run: accepted(), state: 503 })
  t.ok(run, 'known to the gateway although upstream says nothing')
  t.equal(pool.slots[0]?.state, 'busy')
})

t.test('where the log stood is known when it was handed over', async t => {
  const now = tenMinutesLater
  const cursor = { sequence: 4, offset: 400 }
  const left = accepted({ cursor })
  const { run, upstream } = await restarted(t, { run: left, hasJob: false, now })
  await run?.ended
  t.match(upstream.chunks().at(-1), { sequence: 5, offset: 400, text: /JobDeleted/ })
  t.same(upstream.annotations(), [])
})

t.test('a run that was being closed is closed with the same bytes', async t => {
  const closing = {
    chunk: { text: 'the cause\r\n', sequence: 2, offset: 6 },
    cause: { cause: 'Evicted', message: 'x', exitStatus: -1, signalReason: 'agent_stop' as const },
    finishedAt: 5_000,
  }
  const { run, upstream } = await restarted(t, { run: accepted({ closing }) })
  t.match(await run?.ended, { by: 'spawner', cause: 'Evicted' })
  t.equal(
    tiled([{ sequence: 1, offset: 0, text: 'first\n' }, ...upstream.chunks()]),
    'first\nthe cause\r\n',
  )
  t.same(upstream.finishes(), [
    {
      exit_status: '-1',
      signal_reason: 'agent_stop',
      finished_at: new Date(5_000).toISOString(),
      chunks_failed_count: 0,
    },
  ])
})

t.test('an accept whose answer may have been lost is asked for again', async t => {
  const { upstream, cluster } = await restarted(t, {
    run: { jobId, phase: 'accepting' },
    hasJob: false,
  })
  await until(() => cluster.created.length === 1)
  t.ok(upstream.calls().includes(`PUT /jobs/${jobId}/accept`))
})

t.test('an idle slot goes on without registering, and pings at once', async t => {
  const idle = await restarted(t, {})
  await until(() => idle.pool.slots[0]?.state === 'idle')
  t.ok(idle.pool.slots[0]?.woken, 'upstream may have given it a job meanwhile')
  await until(() => idle.upstream.calls().includes('POST /heartbeat'))
  t.notOk(idle.upstream.calls().includes('POST /register'))
  t.equal(idle.upstream.calls()[0], 'POST /connect', 'the crash may have come before that')
})

t.test('a slot without a session is forgotten', async t => {
  const none = await restarted(t, { noSession: true })
  t.same(none.removed, [0])
  t.equal(none.pool.slots[0]?.state, 'down')
})

t.test('a Job that was made before the prefix was changed is the Job of its run', async t => {
  const jobPrefix = 'another-'
  const { run, cluster } = await restarted(t, { run: accepted(), jobPrefix })
  await until(() => run?.jobCreated === true)
  t.same(cluster.created, [])
  run?.endedUpstream('cancelled')
  await until(() => cluster.deleted.length === 1)
  t.same(cluster.deleted, [name], 'and is deleted by that name')
})

t.test(
  'a run whose Job is still to be made keeps its name over a change of the prefix',
  async t => {
    const jobPrefix = 'another-'
    const now = 1_000_000 + 30_000
    const { cluster } = await restarted(t, { run: accepted(), hasJob: false, now, jobPrefix })
    await until(() => cluster.created.length === 1)
    t.equal(cluster.created[0]?.metadata?.name, name, 'so that there is no second one beside it')
  },
)

t.test('a Job that exists needs no PodTemplate any more', async t => {
  const key = 'github.com/buildkite-plugins/kubernetes-buildkite-plugin'
  const plugins = JSON.stringify([{ [key]: { podTemplate: 'gone' } }])
  const env = { ...payload.env, BUILDKITE_PLUGINS: plugins }
  for (const state of ['running', 'accepted']) {
    const left = accepted({ payload: { ...payload, env } })
    const { run, cluster, upstream } = await restarted(t, { run: left, state })
    await until(() => run?.jobCreated === true && upstream.chunks().length === 1)
    t.equal(cluster.templateLooks, 0)
    t.notOk(run?.over)
  }
})
