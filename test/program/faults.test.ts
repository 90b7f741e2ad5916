import t, { type Test } from 'tap'
import { systemClock } from '../../lib/clock.js'
import type { JobView } from '../../lib/sandbox/buildkite/views.js'
import { isOver, lines } from '../harness/builds.js'
import {
  eventually,
  jobsMadeFor,
  jobsOf,
  namespace,
  passed,
  podsOf,
  startWorld,
  type World,
} from './world.js'

// Trouble with upstream, with the API server and with pods: a job bears it, or ends with the reason.

t.jobs = 7

const counting = `steps: [{ command: "for i in $(seq 1 6); do echo count $i; sleep 0.3; done" }]`
const counts = Array.from({ length: 6 }, (_, i) => `count ${i + 1}`)

function countsOf({ log }: JobView): string[] {
  return lines(log).filter(line => line.startsWith('count '))
}

// No node is like that: its pod stays pending.
const nowhere = `
steps: [{ command: "true", plugins: [{ kubernetes: { podSpec: { nodeSelector: { nowhere: "true" }, containers: [{ image: "a:1" }] } } }] }]
`

const postJob = { method: 'POST', path: /\/jobs$/ }

function ended(world: World, id: string): Promise<JobView> {
  return world.until(id, isOver, 'the end of the job')
}

/** A job whose command runs until it is stopped. */
async function running(world: World): Promise<string> {
  const { id } = world.begin(
    `steps: [{ command: "trap 'echo got term; exit 3' TERM; echo ready; sleep 120 & wait" }]`,
  )
  await world.until(id, job => /ready\r*\n/.test(job.log), 'the command to run')
  return id
}

/** What every job that went well has in common, whatever was in its way. */
function wentWell(t: Test, world: World, job: JobView) {
  t.match(job, { state: 'finished', exitStatus: 0, chunksFailedCount: 0 })
  t.same(countsOf(job), counts, 'the log is complete')
  t.equal(job.events.filter(({ event }) => event === 'finished').length, 1)
  t.equal(jobsMadeFor(world, job.id), 1, 'it has had one Job')
}

t.test('with upstream', async t => {
  const world = await startWorld(t, { maxInFlight: 8 })
  const { upstream, spawner } = world
  t.jobs = 8
  const faulty = (call: string, rule: Omit<Parameters<typeof upstream.fault>[0], 'match'>) => {
    const { id } = world.begin(counting)
    upstream.fault({ match: { path: new RegExp(`${id}/${call}$`) }, ...rule })
    return id
  }

  t.test('503 to chunks for a while: the log is complete', async t => {
    wentWell(t, world, await ended(world, faulty('chunks', { status: 503, times: 5 })))
  })

  t.test('429 to chunks, which agents take for final: the log is complete', async t => {
    wentWell(t, world, await ended(world, faulty('chunks', { status: 429, times: 2 })))
  })

  t.test('lost answers to chunks: nothing is in the log twice', async t => {
    wentWell(t, world, await ended(world, faulty('chunks', { reset: 'after', times: 2 })))
  })

  t.test('a lost answer to start: the job runs once', async t => {
    wentWell(t, world, await ended(world, faulty('start', { reset: 'after', times: 1 })))
  })

  t.test('503 to start: the job runs a moment later', async t => {
    wentWell(t, world, await ended(world, faulty('start', { status: 503, times: 1 })))
  })

  t.test('a lost answer to finish: the job is finished once, and its slot is free', async t => {
    const id = faulty('finish', { reset: 'after', times: 1 })
    wentWell(t, world, await ended(world, id))
    await spawner.waitForLog(line => line.msg === 'run ended' && line['job'] === id)
  })

  t.test('503 to finish: the pod asks again until it is taken', async t => {
    wentWell(t, world, await ended(world, faulty('finish', { status: 503, times: 1 })))
  })

  t.test('a job that is cancelled while it runs is interrupted in its pod', async t => {
    const id = await running(world)
    upstream.cancelJob(id)
    const job = await ended(world, id)
    t.match(job, { state: 'canceled', finishCount: 1 })
    t.match(job.log, /got term/)
  })

  t.test('a job that is cancelled while its pod is pending loses its Job at once', async t => {
    const { id } = world.begin(nowhere)
    await eventually('the pod', () => podsOf(world, id).length === 1)
    upstream.cancelJob(id)
    const job = await ended(world, id)
    t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 })
    await eventually('the Job to be gone', () => jobsOf(world, id).length === 0)
  })

  t.test('a job that is cancelled while its image is pulled in vain leaves no pod', async t => {
    const { id } = world.begin(`steps: [{ command: "true", image: "missing/x" }]`)
    await eventually('the pod', () => podsOf(world, id).length === 1)
    upstream.cancelJob(id)
    const job = await ended(world, id)
    // Who ends it, its own agent, we for the cancellation or we for the image, is a matter of who asks first.
    t.match(job, { state: /canceled|finished/, finishCount: 1 })
    t.match(job.signalReason, /^(cancel|process_run_error)$/)
    const live = () =>
      podsOf(world, id).filter(({ status }) => !/Succeeded|Failed/.test(status?.phase ?? ''))
    await eventually('the pod to be over', () => live().length === 0)
  })

  t.test('a pod that is gone without a word ends its job with the cause in the log', async t => {
    const id = await running(world)
    const [pod] = podsOf(world, id)
    world.cluster.deletePod(namespace, pod?.metadata?.name ?? '', { force: true })
    const job = await ended(world, id)
    t.match(job, {
      state: 'finished',
      exitStatus: -1,
      signalReason: 'agent_stop',
      finishCount: 1,
    })
    t.match(job.log, /\+\+\+ Job spawner: PodDeleted/)
  })

  t.test('a pod that is told to go ends its job itself', async t => {
    const id = await running(world)
    const [pod] = podsOf(world, id)
    world.cluster.deletePod(namespace, pod?.metadata?.name ?? '')
    const job = await ended(world, id)
    t.match(job, { state: 'finished', signalReason: 'agent_stop', finishCount: 1 })
    t.notOk(job.passed)
  })
})

t.test('a lost answer to accept: upstream gives the job out anew, and it runs once', async t => {
  let skipped = 0
  const clock = { ...systemClock, now: () => Date.now() + skipped }
  const world = await startWorld(t, { maxInFlight: 1, upstream: { clock } })
  const { upstream } = world
  upstream.fault({ match: { path: /\/accept$/ }, reset: 'after', times: 1 })
  const { id } = world.begin(counting)
  const accepts = () => upstream.requests.filter(({ path }) => path.endsWith('/accept'))
  await eventually('the refusal', () => accepts().filter(({ status }) => status === 422).length > 1)
  skipped = 30_000
  upstream.expire()
  wentWell(t, world, await ended(world, id))
  t.ok(accepts().length < 15, 'asked for the job once an interval')
})

t.test('with the API server', async t => {
  const world = await startWorld(t, { maxInFlight: 2 })
  const { cluster, upstream, spawner } = world

  await t.test('a lost answer to the POST of the Job: one Job', async t => {
    cluster.fault({ match: postJob, reset: true, when: 'after', times: 1 })
    wentWell(t, world, await ended(world, world.begin(counting).id))
  })

  await t.test(
    '500 and 429 to the POST of the Job: the job runs, its log says why late',
    async t => {
      cluster.fault({ match: postJob, status: 500, message: 'etcd is slow today', times: 1 })
      cluster.fault({ match: postJob, status: 429, retryAfterSeconds: 1, times: 1 })
      const job = await ended(world, world.begin(counting).id)
      wentWell(t, world, job)
      t.match(job.log, /Kubernetes does not take the Job yet, trying again: .*etcd is slow today/)
    },
  )

  await t.test("403 of a policy: the job fails with the policy's words", async t => {
    const message = 'admission webhook "policy.example" denied the request: no such team'
    cluster.fault({ match: postJob, status: 403, reason: 'Forbidden', message, times: 1 })
    const job = await ended(world, world.begin(counting).id)
    t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 })
    t.ok(job.log.includes(message), job.log)
    t.same(jobsOf(world, job.id), [])
  })

  const templated = `steps: [{ command: "true", plugins: [{ kubernetes: { podTemplate: any } }] }]`

  await t.test('403 to the GET of a PodTemplate: the job says which right is missing', async t => {
    const message = 'podtemplates "any" is forbidden: User "ci" cannot get resource "podtemplates"'
    const match = { path: /\/podtemplates\/any$/ }
    cluster.fault({ match, status: 403, reason: 'Forbidden', message, times: 1 })
    const job = await ended(world, world.begin(templated).id)
    t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 })
    t.ok(job.log.includes(message), job.log)
    t.match(job.log, /the right to get podtemplates in namespace jobs/)
  })

  await t.test('no answer to the GET of a PodTemplate: the job can be cancelled', async t => {
    const match = { path: /\/podtemplates\/any$/ }
    cluster.fault({ match, delayMs: 3_000, reset: true, times: 1 })
    const { id } = world.begin(templated)
    await world.until(id, ({ log }) => log.includes('Kubernetes Job:'), 'its first line')
    upstream.cancelJob(id)
    const job = await ended(world, id)
    t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 })
    t.equal(jobsMadeFor(world, id), 0)
  })

  await t.test(
    'watches that end under a running job, quietly or as too old: it passes',
    async t => {
      const { id } = world.begin(counting)
      await world.until(id, job => /count 1\r*\n/.test(job.log), 'the command to run')
      cluster.dropWatches('close')
      await world.until(id, job => /count 2\r*\n/.test(job.log), 'the command to go on')
      cluster.dropWatches('gone')
      wentWell(t, world, await ended(world, id))
      const [pod] = podsOf(world, await running(world))
      cluster.deletePod(namespace, pod?.metadata?.name ?? '', { force: true })
      const lost = pod?.metadata?.labels?.['buildkite.com/job-uuid'] ?? ''
      t.match(await ended(world, lost), { exitStatus: -1 }, 'and pods are still watched')
    },
  )

  await t.test('a session that is refused: the agent registers anew and takes jobs', async t => {
    const before = upstream.agents().length
    // Each of the two agents asks a second time before it believes it.
    upstream.fault({ match: { path: /\/ping$/ }, status: 401, times: 4 })
    await eventually('new agents', () => upstream.agents().length === before + 2)
    await spawner.waitForLog('upstream refuses the session, registering anew')
    passed(t, await world.run(`steps: [{ command: "true" }]`))
  })
})

t.test('watch events that do not come never end a healthy job', async t => {
  const world = await startWorld(t, { maxInFlight: 1 })
  passed(t, await world.run(`steps: [{ command: "true" }]`))
  const release = world.cluster.holdWatches()
  // Longer than the time after which the supervisor looks again by itself.
  const { id } = world.begin(`steps: [{ command: "echo count 1; sleep 6; echo count 2" }]`)
  const job = await ended(world, id)
  t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
  t.same(countsOf(job), ['count 1', 'count 2'])
  release()
  passed(t, await world.run(`steps: [{ command: "true" }]`))
})

t.test('a plan with fewer agents than jobs wanted: fewer run, and the log says so', async t => {
  const world = await startWorld(t, { maxInFlight: 4, upstream: { agentLimit: 2 } })
  const { upstream, spawner } = world
  const line = await spawner.waitForLog('agent not connected: fewer jobs at once')
  t.equal(line['level'], 'warn')
  t.match(JSON.stringify(line['err']), /limit of 2 connected agents/)
  const build = await world.run(`steps: [{ command: "true", parallelism: 3 }]`)
  passed(t, build)
  t.equal(upstream.agents().length, 2)
})

t.test('an agent that is told to disconnect leaves; when all have, the program ends', async t => {
  const world = await startWorld(t, { maxInFlight: 2 })
  const { upstream, spawner } = world
  const connected = () => upstream.agents().filter(({ state }) => state === 'connected')
  await eventually('two agents', () => connected().length === 2)
  const [first, second] = connected()
  upstream.instruct(first?.id ?? '', 'disconnect')
  await eventually('one to leave', () => connected().length === 1)
  passed(t, await world.run(`steps: [{ command: "true" }]`))
  upstream.instruct(second?.id ?? '', 'disconnect')
  await spawner.waitForLog('job spawner stopped')
  await eventually('the end of the program', () => spawner.pid === undefined)
  t.equal(await spawner.kill('SIGTERM'), 0, 'its exit status')
  t.same(connected(), [])
})
