import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { watchCancellation } from '../../lib/run/cancellation.js'
import type { RunOptions } from '../../lib/run/run-options.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { connection, type Got } from '../upstream/scripted.js'
import { contextOf, jobUpstream, runAt, name } from './run-of.js'

type Tap = { teardown(end: () => unknown): void }
const intervalMs = 5_000

/** A run that is watched, with an upstream that tells this state; time stands until `pass`. */
async function watched(t: Tap, states: { now: string | number }, given: Partial<RunOptions> = {}) {
  const upstream = await jobUpstream(t, ({ method }: Got) => {
    if (method !== 'GET') return undefined
    const { now } = states
    return typeof now === 'number' ? { status: now } : { json: { state: now } }
  })
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint, { clock, ...given })
  t.teardown(() => run.endedUpstream('test over'))
  const watching = watchCancellation(run, { ...context, intervalMs })
  const polls = () => upstream.got.filter(({ method }) => method === 'GET').length
  /** One interval, and the poll at its end. */
  const pass = async () => {
    await until(() => clock.sleeping > 0)
    const before = polls()
    clock.advance(intervalMs)
    await until(() => polls() > before)
  }
  return { upstream, run, clock, cluster, watching, polls, pass }
}

t.test('a job that goes on is asked for again and again', async t => {
  const { pass, run, polls } = await watched(t, { now: 'running' })
  for (let n = 0; n < 3; n++) await pass()
  t.equal(polls(), 3)
  t.notOk(run.over)
})

t.test('a cancelled job whose pod has not started loses its Job and is finished', async t => {
  for (const [state, cause] of [
    ['canceling', 'JobCancelled'],
    ['canceled', 'JobCancelled'],
    ['timing_out', 'JobTimedOut'],
    ['timed_out', 'JobTimedOut'],
  ]) {
    const { pass, run, watching, upstream, cluster } = await watched(t, { now: state ?? '' })
    cluster.jobs.set(name, {})
    await pass()
    await watching
    t.match(await run.ended, { by: 'spawner', cause, exitStatus: -1 })
    t.match(upstream.finishes(), [{ exit_status: '-1', signal_reason: 'cancel' }])
    t.same(cluster.deleted, [name])
  }
})

t.test('a cancelled job whose pod agent polls is left to its agent', async t => {
  const states = { now: 'running' }
  const { run, clock, polls, pass, upstream, cluster } = await watched(t, states)
  run.podConnected({ hostname: 'x' })
  await pass()
  states.now = 'canceling'
  run.stateSeen('canceling')
  const before = polls()
  for (let n = 0; n < 2; n++) {
    await until(() => clock.sleeping > 0)
    clock.advance(intervalMs)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.equal(polls(), before, 'while the pod polls, we are silent')
  t.same(cluster.deleted, [])
  t.same(upstream.finishes(), [])
})

t.test('an agent that is there but does not poll yet gets a moment, then the Job goes', async t => {
  for (const [restored, patienceMs] of [
    [false, 2_500],
    [true, 6_000],
  ] as const) {
    const { run, clock, pass, watching, cluster, upstream } = await watched(
      t,
      { now: 'canceling' },
      { restored },
    )
    run.podConnected({ hostname: 'x' })
    cluster.jobs.set(name, {})
    await pass()
    await until(() => clock.sleeping > 0)
    const from = clock.now()
    t.same(cluster.deleted, [])
    while (!run.over) {
      clock.advance(250)
      await new Promise(resolve => setTimeout(resolve, 1))
    }
    await watching
    t.equal(clock.now() - from, patienceMs, restored ? 'another process may have seen it poll' : '')
    t.same(cluster.deleted, [name])
    t.equal(upstream.finishes().length, 1)
  }
})

t.test('a pod whose agent runs, but has not called yet, is deleted at once', async t => {
  const { run, pass, watching, cluster } = await watched(t, { now: 'canceling' })
  run.podSeen = true
  cluster.jobs.set(name, {})
  await pass()
  await watching
  t.match(run.ending, { by: 'spawner', cause: 'JobCancelled' })
  t.same(cluster.deleted, [name])
})

t.test('a pod that a new process has not looked at yet may stop its job itself', async t => {
  const { run, clock, pass, cluster, upstream } = await watched(
    t,
    { now: 'canceling' },
    { restored: true },
  )
  cluster.jobs.set(name, {})
  await pass()
  await until(() => clock.slept.at(-1) === 250)
  run.stateSeen('canceling')
  clock.advance(250)
  await until(() => clock.slept.at(-1) === intervalMs)
  t.same(cluster.deleted, [])
  t.same(upstream.finishes(), [])
})

t.test('an agent that drains its log after the stop is left to it', async t => {
  const { run, clock, pass, cluster, upstream } = await watched(t, { now: 'canceling' })
  run.podConnected({ hostname: 'x' })
  run.stateSeen('canceling')
  clock.advance(40_000)
  const written = run.podWrites('/chunks?sequence=2')
  await pass()
  await until(() => clock.slept.at(-1) === intervalMs)
  t.same(cluster.deleted, [])
  t.same(upstream.finishes(), [])
  written(false)
  t.same(await run.finishFromPod({ exit_status: '-1', signal_reason: 'cancel' }), { state: 'done' })
})

t.test('one that has seen the stop has its grace, also when it asks no more', async t => {
  const { run, clock, pass, cluster, watching } = await watched(t, { now: 'canceling' })
  run.podConnected({ hostname: 'x' })
  cluster.jobs.set(name, {})
  run.stateSeen('canceling')
  clock.advance(15_000)
  await pass()
  await until(() => clock.slept.at(-1) === intervalMs)
  t.same(cluster.deleted, [])
  while (!run.over) {
    clock.advance(250)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await watching
  t.same(cluster.deleted, [name], 'but not for ever')
})

t.test('an agent that begins to poll in that moment takes over', async t => {
  const { run, clock, pass, cluster, upstream } = await watched(t, { now: 'canceling' })
  run.podConnected({ hostname: 'x' })
  await pass()
  await until(() => clock.sleeping > 0)
  run.stateSeen('canceling')
  const slept = clock.slept.length
  clock.advance(250)
  await until(() => clock.slept.length > slept)
  t.equal(clock.slept.at(-1), intervalMs, 'back to watching')
  t.same(cluster.deleted, [])
  t.same(upstream.finishes(), [])
})

t.test(
  'a token that is no longer good means that the job is over, and its Job unwanted',
  async t => {
    for (const status of [401, 404]) {
      const { run, pass, watching, cluster, upstream, clock } = await watched(t, { now: status })
      cluster.jobs.set(name, {})
      await pass()
      t.notOk(run.over, 'one wrong answer costs no job')
      await until(() => clock.sleeping > 0)
      clock.advance(2_000)
      await watching
      t.match(await run.ended, { by: 'upstream' }, String(status))
      t.same(cluster.deleted, [name])
      t.same(upstream.finishes(), [])
    }
  },
)

t.test("upstream's own word that the token is dead is believed at once", async t => {
  const upstream = await jobUpstream(t, ({ method }: Got) =>
    method === 'GET' ? { status: 401, json: { message: 'Invalid access token' } } : undefined,
  )
  const clock = new HandClock()
  const { context } = contextOf(t, { clock })
  const { run } = runAt(t, upstream.endpoint, { clock })
  const watching = watchCancellation(run, { ...context, intervalMs })
  await until(() => clock.sleeping > 0)
  clock.advance(intervalMs)
  await watching
  t.match(run.ending, { by: 'upstream' })
})

t.test('a pod that was let go is not stopped any more, and its Job left alone', async t => {
  const upstream = await jobUpstream(t, ({ method, path }: Got) => {
    if (path.endsWith('/finish')) return { status: 503 }
    return method === 'GET' ? { json: { state: states.now } } : undefined
  })
  const states = { now: 'canceling' }
  const clock = new HandClock()
  const { context, cluster } = contextOf(t, { clock })
  cluster.jobs.set(name, {})
  const { run } = runAt(t, upstream.endpoint, { clock, connection: connection(t, clock) })
  t.same(await run.finishFromPod({ exit_status: '0' }), { state: 'done' })
  const watching = watchCancellation(run, { ...context, intervalMs })
  const polls = () => upstream.got.filter(({ method }) => method === 'GET').length
  const finishes = () => upstream.finishes().length
  for (const from = polls(); polls() < from + 2; await new Promise(r => setTimeout(r, 2)))
    clock.advance(1_000)
  t.equal(run.ending, undefined)
  t.ok(finishes() >= 1)
  states.now = 'finished'
  for (; !run.ending; await new Promise(r => setTimeout(r, 2))) clock.advance(1_000)
  await watching
  t.match(run.ending, { by: 'upstream' })
  t.same(cluster.deleted, [])
})

t.test('an upstream that does not answer ends nothing', async t => {
  const states: { now: string | number } = { now: 503 }
  const { run, pass, cluster } = await watched(t, states)
  await pass()
  states.now = 429
  await pass()
  states.now = 'some-new-state'
  await pass()
  t.notOk(run.over)
  t.same(cluster.deleted, [])
})

t.test('a run that ends by itself ends the watching, and keeps its Job', async t => {
  const { run, clock, watching, cluster } = await watched(t, { now: 'running' })
  await until(() => clock.sleeping > 0)
  await run.finishFromPod({ exit_status: '0' })
  await watching
  t.same(cluster.deleted, [])
})

t.test('a Job that can not be deleted does not keep the run from ending', async t => {
  const { run, pass, watching, cluster } = await watched(t, { now: 'canceling' })
  cluster.deleteJob = () => Promise.reject(new Error('down'))
  await pass()
  await watching
  t.match(await run.ended, { by: 'spawner' })
})

t.test('a Job that the API server does not delete yet is tried again', async t => {
  const { run, clock, pass, watching, cluster } = await watched(t, { now: 'canceling' })
  cluster.jobs.set(name, {})
  const remove = cluster.deleteJob.bind(cluster)
  let away = 2
  cluster.deleteJob = async job => {
    if (away-- > 0) throw new ClusterError({ status: 503, message: 'away' })
    await remove(job)
  }
  await pass()
  for (; cluster.deleted.length === 0; await new Promise(r => setTimeout(r, 1)))
    clock.advance(1_000)
  await watching
  t.match(run.ending, { by: 'spawner' })
})
