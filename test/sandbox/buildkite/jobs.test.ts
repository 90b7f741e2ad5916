import t from 'tap'
import {
  accepted,
  call,
  connected,
  emulator,
  finish,
  handClock,
  jobCall,
  running,
  start,
} from './client.js'

t.test(
  'an assignment that is not accepted in time goes to the next agent; the late accept is refused',
  async t => {
    const clock = handClock()
    const upstream = await emulator(t, { clock })
    const [job] = upstream.createBuild('steps: [{ command: a }]').jobs
    const slow = await connected(upstream)
    await call(upstream, 'GET', '/ping', { token: slow })
    clock.advance(60_000)
    const quick = await accepted(upstream)
    t.equal(quick.id, job?.id)
    t.ok(upstream.job(quick.id).times.assignedExpired)
    t.equal((await call(upstream, 'PUT', `/jobs/${quick.id}/accept`, { token: slow })).status, 422)
    t.match(upstream.violations, [/too late/])
  },
)

t.test(
  'a job that is accepted but not started in time is scheduled again; the late start is a violation',
  async t => {
    const clock = handClock()
    const upstream = await emulator(t, { clock })
    upstream.createBuild('steps: [{ command: a }]')
    const slow = await accepted(upstream)
    clock.advance(30_000)
    t.equal((await start(upstream, slow)).status, 422)
    t.equal(upstream.job(slow.id).state, 'scheduled')
    t.match(upstream.violations, [/start came too late/])
    const again = await running(upstream)
    t.equal(again.id, slow.id)
    t.not(again.jobToken, slow.jobToken)
  },
)

t.test('accept of a job that was never assigned, or was cancelled meanwhile', async t => {
  const upstream = await emulator(t)
  const [one, two] = upstream.createBuild('steps: [{ command: a }, { command: b }]').jobs
  const session = await connected(upstream)
  await call(upstream, 'GET', '/ping', { token: session })
  t.equal((await call(upstream, 'PUT', `/jobs/${two?.id}/accept`, { token: session })).status, 422)
  t.match(upstream.violations, [/never assigned/])
  upstream.cancelJob(one?.id ?? '')
  t.equal((await call(upstream, 'PUT', `/jobs/${one?.id}/accept`, { token: session })).status, 422)
  t.equal(upstream.violations.length, 1, 'a cancelation can cross an accept')
  t.match((await call(upstream, 'GET', '/ping', { token: session })).body, { job: { id: two?.id } })
})

t.test('a cancelled job says so to the poll, and is over after finish', async t => {
  const upstream = await emulator(t)
  const build = upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  upstream.cancelBuild(build.id)
  t.match((await jobCall(upstream, job, 'GET', '')).body, { state: 'canceling' })
  t.equal(upstream.build(build.id).state, 'canceling')
  await finish(upstream, job, { exit_status: '-1', signal: 'SIGTERM', signal_reason: 'cancel' })
  t.match(upstream.job(job.id), { state: 'canceled', signal: 'SIGTERM', signalReason: 'cancel' })
  t.equal(upstream.build(build.id).state, 'canceled')
  t.equal((await jobCall(upstream, job, 'GET', '')).status, 401, 'the token is dead')
  t.same(upstream.violations, [])
})

t.test('a finish may speak of a stack_error, unless a test has it refused', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }, { command: b }]')
  const [one, two] = [await running(upstream), await running(upstream)]
  const said = { exit_status: '-1', signal_reason: 'stack_error' }
  t.equal((await finish(upstream, one, said)).status, 200)
  t.equal(upstream.job(one.id).signalReason, 'stack_error')
  const path = /\/finish$/
  upstream.fault({ match: { path, body: /"stack_error"/ }, status: 422, body: { message: 'no' } })
  t.match(await finish(upstream, two, said), { status: 422, body: { message: 'no' } })
  t.equal(upstream.job(two.id).state, 'running')
  t.equal((await finish(upstream, two, { ...said, signal_reason: 'cancel' })).status, 200)
  t.same(upstream.violations, [])
})

t.test('a cancelled job that no one finishes is over after the grace', async t => {
  const clock = handClock()
  const upstream = await emulator(t, { clock, timeouts: { cancelGraceMs: 5_000 } })
  upstream.createBuild('steps: [{ command: a }]')
  const job = await accepted(upstream)
  upstream.cancelJob(job.id)
  t.equal((await start(upstream, job)).status, 422)
  clock.advance(5_000)
  t.equal((await finish(upstream, job)).status, 401)
  t.equal(upstream.job(job.id).state, 'canceled')
  t.same(upstream.violations, [])
})

t.test('the timeout of a step counts from the start, and job update changes it', async t => {
  const clock = handClock()
  const upstream = await emulator(t, { clock })
  upstream.createBuild('steps: [{ command: a, timeout_in_minutes: 1 }]')
  const job = await running(upstream)
  t.match(await jobCall(upstream, job, 'PUT', '', { timeout: '2' }), {
    status: 200,
    body: { id: job.id },
  })
  clock.advance(60_000)
  t.match((await jobCall(upstream, job, 'GET', '')).body, { state: 'running' })
  clock.advance(60_000)
  t.match((await jobCall(upstream, job, 'GET', '')).body, { state: 'timing_out' })
  await finish(upstream, job, { exit_status: '-1', signal_reason: 'cancel' })
  t.equal(upstream.job(job.id).state, 'timed_out')
})

t.test(
  'finish before start, and a second finish that says something else, are violations',
  async t => {
    const upstream = await emulator(t)
    upstream.createBuild('steps: [{ command: a }]')
    const job = await accepted(upstream)
    t.equal((await finish(upstream, job)).status, 422)
    await start(upstream, job)
    t.equal((await finish(upstream, job)).status, 200)
    t.equal((await finish(upstream, job, { exit_status: '1' })).status, 422)
    t.match(upstream.job(job.id), { finishCount: 3, exitStatus: 0 })
    t.match(upstream.violations, [/cannot be finished/, /again/])
    await jobCall(upstream, job, 'POST', '/data/get', { key: 'x' })
    t.match(upstream.violations[2], /after finish/)
  },
)

const wrongFinishes: object[] = [
  { exit_status: 0 },
  { exit_status: 'seven' },
  { chunks_failed_count: '0' },
  { finished_at: 'now' },
  { signal_reason: 'tired' },
  { unknown: 1 },
]

for (const fields of wrongFinishes) {
  t.test(`finish with ${JSON.stringify(fields)} is refused`, async t => {
    const upstream = await emulator(t)
    upstream.createBuild('steps: [{ command: a }]')
    const job = await running(upstream)
    t.equal((await finish(upstream, job, fields)).status, 422)
    t.equal(upstream.job(job.id).state, 'running')
    t.equal(upstream.violations.length, 1)
  })
}

t.test('the token of one job does not work for another', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }, { command: b }]')
  const one = await running(upstream)
  const two = await running(upstream)
  const reply = await finish(upstream, { ...one, jobToken: two.jobToken })
  t.equal(reply.status, 403)
  t.match(upstream.violations, [/another job/])
})

t.test('a failed job runs again by its retry rule, as a new job', async t => {
  const upstream = await emulator(t)
  const build = upstream.createBuild(
    'steps: [{ command: a, retry: { automatic: [{ exit_status: 3, limit: 1 }] } }]',
  )
  const session = await connected(upstream)
  const first = await running(upstream, session)
  await finish(upstream, first, { exit_status: '3' })
  const second = await running(upstream, session)
  t.equal(upstream.job(first.id).retriedIn, second.id)
  t.match(second.payload, { env: { BUILDKITE_RETRY_COUNT: '1' } })
  await finish(upstream, second)
  t.equal(upstream.build(build.id).state, 'passed')
})

t.test('a promised failure is kept, and another one refused', async t => {
  const upstream = await emulator(t)
  upstream.createBuild('steps: [{ command: a }]')
  const job = await running(upstream)
  const promise = (exit_status: number) =>
    jobCall(upstream, job, 'PUT', '/promise_failure', { exit_status })
  t.equal((await promise(3)).status, 204)
  t.equal((await promise(4)).status, 409)
  t.equal(upstream.job(job.id).promisedExitStatus, 3)
})
