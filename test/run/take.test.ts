import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { Problem } from '../../lib/errors.js'
import { Records } from '../../lib/run/records.js'
import { isAccepted, takeJob } from '../../lib/run/take.js'
import type { SlotRecord } from '../../lib/ledger/record.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { failure } from '../upstream/scripted.js'
import { accepted, contextOf, jobId, jobUpstream, payload, slotAt, tiled, name } from './run-of.js'

type Tap = { teardown(end: () => unknown): void }

t.test('a job goes from its ping to its end, durable before each step', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster, puts } = contextOf(t)
  const seen: [string, number][] = []
  const records = new Records({
    put: async (record: SlotRecord) => {
      seen.push([record.run?.phase ?? 'none', upstream.got.length])
      puts.push(structuredClone(record))
    },
    note: () => undefined,
    remove: async () => undefined,
  })
  const over: string[] = []
  const afterRun = (run: { jobId: string }) => void over.push(run.jobId)
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records, afterRun })
  await until(() => cluster.created.length === 1)
  t.same(seen, [['accepted', 1]], 'once: when it is ours, before it is started')
  t.same(
    upstream
      .calls()
      .filter(call => call.startsWith('PUT'))
      .slice(0, 2),
    [`PUT /jobs/${jobId}/accept`, `PUT /jobs/${jobId}/start`],
  )
  const record = puts.at(-1)?.run
  t.match(record, { jobId, jobName: name, payload, secret: /^[\w-]{43}$/, acceptedAt: Number })
  const run = context.runs.find(jobId)
  t.ok(run)
  t.same(over, [])
  await run?.finishFromPod({ exit_status: '0', chunks_failed_count: 0 })
  await taking
  t.same(over, [jobId])
  t.equal(puts.length, 1, 'one write a job')
  t.equal(tiled(upstream.chunks()), record?.opening?.text, 'the opening is what the ledger says')
})

t.test('a job that upstream does not let us accept is none of ours', async t => {
  for (const said of [{ status: 422 }, { status: 503 }, { json: { id: 'no job' } }]) {
    const upstream = await jobUpstream(t, ({ path }) =>
      path.endsWith('/accept') ? said : undefined,
    )
    const { context, cluster } = contextOf(t)
    await takeJob(slotAt(t, upstream.endpoint), jobId, context)
    t.same(upstream.calls(), [`PUT /jobs/${jobId}/accept`])
    t.same(cluster.created, [])
    t.equal(context.runs.find(jobId), undefined)
  }
})

t.test('a job that is too large for the ledger ends with that reason', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const records = new Records({
    put: async ({ run }) => {
      if (run?.payload) throw new Problem('LEDGER_RECORD', 'The record is too large.')
    },
    note: () => undefined,
    remove: async () => undefined,
  })
  await takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'agent_refused' }])
  t.match(tiled(upstream.chunks()), /The record is too large/)
  t.same(cluster.created, [])
  t.equal(upstream.starts(), 1)
  t.same(context.runs.open(), [])
})

t.test('such a job that upstream takes back before its start leaves no run behind', async t => {
  const upstream = await jobUpstream(t, ({ path, method }) =>
    path.endsWith('/start') ? { status: 422 } : method === 'GET' ? { status: 401 } : undefined,
  )
  const { context } = contextOf(t)
  const records = new Records({
    put: async ({ run }) => {
      if (run?.payload) throw new Problem('LEDGER_RECORD', 'The record is too large.')
    },
    note: () => undefined,
    remove: async () => undefined,
  })
  await takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  t.same(context.runs.open(), [])
})

t.test('a ledger that refuses for good leaves the job to upstream, and no run behind', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  const records = new Records({
    put: async ({ run }) => {
      if (run?.payload) throw new Error('forbidden')
    },
    note: () => undefined,
    remove: async () => undefined,
  })
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  t.match(await failure(taking), { message: 'forbidden' })
  t.equal(upstream.starts(), 0)
  t.same(cluster.created, [])
  t.same(context.runs.open(), [])
})

t.test('a record is that of an accepted job only when it has all that a run needs', async t => {
  t.ok(isAccepted(accepted()))
  t.notOk(isAccepted({ jobId, phase: 'accepting' }))
  t.notOk(isAccepted({ ...accepted(), payload: undefined }))
  t.notOk(isAccepted({ ...accepted(), secret: undefined }))
  t.notOk(isAccepted({ ...accepted(), opening: undefined }))
})

t.test('an accept that hangs does not keep its slot', async t => {
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/accept') ? new Promise(() => undefined) : undefined,
  )
  const clock = new HandClock()
  const { context } = contextOf(t, { clock })
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, context)
  await until(() => upstream.got.length === 1)
  clock.advance(60_000)
  t.equal(await taking, false)
})

t.test('a job that upstream gives out anew has one run, and that one keeps the Job', async t => {
  const upstream = await jobUpstream(t)
  const { context, cluster } = contextOf(t)
  let durable = () => {}
  const held = new Promise<void>(resolve => (durable = resolve))
  let writes = 0
  const records = new Records({
    put: async () => (++writes === 1 ? held : undefined),
    note: () => undefined,
    remove: async () => undefined,
  })
  const first = takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  await until(() => writes === 1)
  const former = context.runs.find(jobId)
  const second = takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  await until(() => cluster.created.length === 1)
  t.match(former?.ending, { by: 'upstream' })
  t.ok(former?.replaced)
  durable()
  await first
  t.same(cluster.deleted, [], 'the Job is not that of the former run')
  await context.runs.find(jobId)?.finishFromPod({ exit_status: '0' })
  await second
  t.equal(upstream.starts(), 1)
})

t.test("a job that is being accepted when we leave is the next process's", async t => {
  let release = () => {}
  const upstream = await jobUpstream(t, ({ path }) =>
    path.endsWith('/accept')
      ? new Promise(resolve => (release = () => resolve({ json: payload })))
      : undefined,
  )
  const clock = new HandClock()
  const { context, puts, cluster } = contextOf(t, { clock })
  const slot = slotAt(t, upstream.endpoint)
  void takeJob(slot, jobId, context).catch(() => undefined)
  await until(() => upstream.got.length === 1)
  slot.silence()
  const left = context.runs.handOver()
  release()
  await left
  t.match(puts.at(-1)?.run, { jobId, phase: 'accepted', noJobAt: clock.now() })
  t.equal(upstream.starts(), 0)
  t.same(cluster.created, [])
})

/** A job that upstream calls cancelled when it is first asked for its state. */
async function cancelledAt(t: Tap) {
  return jobUpstream(t, ({ method }) =>
    method === 'GET' ? { json: { state: 'canceling' } } : undefined,
  )
}

t.test('a job cancelled while it is written down is never started, and has no Job', async t => {
  const upstream = await cancelledAt(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  let durable = () => {}
  let writes = 0
  const records = new Records({
    put: () => (++writes === 1 ? new Promise(resolve => (durable = resolve)) : Promise.resolve()),
    note: () => undefined,
    remove: async () => undefined,
  })
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, { ...context, records })
  await until(() => writes === 1 && clock.sleeping > 0)
  clock.advance(5_000)
  await until(() => upstream.finishes().length === 1)
  durable()
  await taking
  t.equal(upstream.starts(), 0)
  t.same(cluster.created, [])
  t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'cancel' }])
  t.match(tiled(upstream.chunks()), /Kubernetes Job[^]*JobCancelled[^]*No Job was made/)
})

t.test('a job cancelled while its Job is being made has that deleted', async t => {
  const upstream = await cancelledAt(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  let make = () => {}
  cluster.onCreate = () => new Promise<void>(resolve => (make = resolve))
  const idle = make
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, context)
  await until(() => make !== idle)
  clock.advance(5_500)
  await taking
  t.equal(upstream.finishes().length, 1, 'nobody waits for the answer')
  t.same(cluster.deleted, [])
  make()
  await until(() => cluster.deleted.length === 1)
  t.same(cluster.deleted, [name])
  t.equal(cluster.jobs.size, 0)
})

t.test('a job cancelled while the API server refuses its Job never has one', async t => {
  const upstream = await cancelledAt(t)
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  cluster.onCreate = () => {
    throw new ClusterError({ status: 429, message: 'busy' })
  }
  let over = false
  const taking = takeJob(slotAt(t, upstream.endpoint), jobId, context).then(() => (over = true))
  for (; !over; await new Promise(resolve => setTimeout(resolve, 2))) clock.advance(500)
  await taking
  t.same(cluster.created, [])
  t.equal(upstream.finishes().length, 1)
})
