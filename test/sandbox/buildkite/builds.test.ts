import t from 'tap'
import { connected, emulator, finish, running } from './client.js'

type Emulated = Awaited<ReturnType<typeof emulator>>

function states(upstream: Emulated, buildId: string): string[] {
  return upstream.build(buildId).jobs.map(job => `${job.command} ${job.state}`)
}

t.test('steps after a wait are scheduled when all before it have passed', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild('[{ command: a }, wait, { command: b }]')
  const session = await connected(upstream)
  t.same(states(upstream, id), ['a scheduled', 'b pending'])
  await finish(upstream, await running(upstream, session))
  t.same(states(upstream, id), ['a finished', 'b scheduled'])
  await finish(upstream, await running(upstream, session))
  t.equal(upstream.build(id).state, 'passed')
})

t.test('a failure breaks what waits for it, but not what allows it', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild(`
    - { command: a, key: a }
    - wait
    - { command: b }
    - { command: c, depends_on: [{ step: a, allow_failure: true }] }
    - { command: d, depends_on: a }
    - { wait: ~, continue_on_failure: true }
    - { command: e }
  `)
  const session = await connected(upstream)
  await finish(upstream, await running(upstream, session), { exit_status: '1' })
  t.same(states(upstream, id), ['a finished', 'b broken', 'c scheduled', 'd broken', 'e pending'])
  t.equal(upstream.build(id).state, 'failing')
  await finish(upstream, await running(upstream, session))
  await finish(upstream, await running(upstream, session))
  t.equal(upstream.build(id).state, 'failed')
})

t.test('a soft failure does not fail the build', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild('[{ command: a, soft_fail: true }]')
  await finish(upstream, await running(upstream), { exit_status: '1' })
  t.equal(upstream.build(id).state, 'passed')
})

t.test('parallelism makes jobs that know their place', async t => {
  const upstream = await emulator(t)
  const { jobs } = upstream.createBuild('[{ command: a, parallelism: 2 }]')
  t.match(
    jobs.map(job => job.env),
    [
      { BUILDKITE_PARALLEL_JOB: '0', BUILDKITE_PARALLEL_JOB_COUNT: '2' },
      { BUILDKITE_PARALLEL_JOB: '1', BUILDKITE_PARALLEL_JOB_COUNT: '2' },
    ],
  )
})
