import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CoreV1Api, KubeConfig, type V1Job, type V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { systemClock } from '../../lib/clock.js'
import type { JobView } from '../../lib/sandbox/buildkite/views.js'
import { isOver, lines } from '../harness/builds.js'
import type { LogLine } from '../harness/spawner.js'
import {
  eventually,
  jobsMadeFor,
  jobsOf,
  ledgerNamespace,
  namespace,
  passed,
  podsOf,
  startWorld,
  type World,
} from './world.js'

// The program dies and comes back; the jobs do not notice.

t.jobs = 3

const ticking = `steps: [{ command: "for i in $(seq 1 10); do echo tick $i; sleep 0.3; done" }]`
const ticks = Array.from({ length: 10 }, (_, i) => `tick ${i + 1}`)

// No node is like that: its pod stays pending.
const nowhere = `
steps: [{ command: "true", plugins: [{ kubernetes: { podSpec: { nodeSelector: { nowhere: "true" }, containers: [{ image: "a:1" }] } } }] }]
`

// As Buildkite's, but that patience with a cancelled job ends before that with an accepted one.
const times = { acceptedMs: 30_000, cancelGraceMs: 15_000 }

t.test('kill -9 with nine jobs, each at another point of its life', async t => {
  const { world, jobs, skipTime, commandMayEnd } = await nineJobs(t)
  const { upstream, spawner } = world
  const ended = (id: string) => world.until(id, isOver, 'the end of the job')
  const from = spawner.log.length
  await spawner.kill('SIGKILL')
  commandMayEnd()
  await eventually('the command to end', () => isCommandOver(world, jobs.ending))
  upstream.cancelJob(jobs.canceled)
  skipTime(times.cancelGraceMs)
  await ended(jobs.canceled)
  for (const mend of world.faults.splice(0)) mend()
  spawner.start()

  await t.test('in mid-job: it passes, its log without a gap', async t => {
    const job = await ended(jobs.ticking)
    t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1, chunksFailedCount: 0 })
    t.same(ticksOf(job), ticks)
  })

  await t.test('its command ended while nobody was there: its own exit status', async t => {
    t.match(await ended(jobs.ending), { state: 'finished', exitStatus: 5, finishCount: 1 })
  })

  await t.test('accepted and not started: it runs', async t => {
    t.match(await ended(jobs.accepted), { state: 'finished', exitStatus: 0, finishCount: 1 })
  })

  await t.test('started, without a Job: it gets one', async t => {
    t.match(await ended(jobs.started), { state: 'finished', exitStatus: 0, finishCount: 1 })
  })

  await t.test('its Job was made and nobody knew: it keeps that Job', async t => {
    const job = await ended(jobs.made)
    t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
    t.same(ticksOf(job), ticks)
  })

  await t.test('the answer to its finish was lost: it is not finished again', async t => {
    const isEnd = (line: LogLine) => line.msg === 'run ended' && line['job'] === jobs.finished
    t.notOk(spawner.log.slice(0, from).some(isEnd), 'the dead process had not learned of it')
    const end = await spawner.waitForLog(isEnd, { from })
    t.equal(end['by'], 'upstream')
    t.match(upstream.job(jobs.finished), { state: 'finished', exitStatus: 6 })
  })

  await t.test('upstream had ended it: it is forgotten, and its Job deleted', async t => {
    await eventually('the Job to be gone', () => jobsOf(world, jobs.canceled).length === 0)
    t.match(upstream.job(jobs.canceled), { state: 'canceled', finishCount: 0 })
  })

  await t.test('its pod was pending: it waits on, and can be cancelled', async t => {
    t.equal(upstream.job(jobs.pending).state, 'running')
    upstream.cancelJob(jobs.pending)
    const job = await ended(jobs.pending)
    t.match(job, { state: 'canceled', signalReason: 'cancel', finishCount: 1 })
    await eventually('the Job to be gone', () => jobsOf(world, jobs.pending).length === 0)
  })

  await t.test('the answer to accept was lost: upstream gives it out anew', async t => {
    const accepts = () =>
      upstream.requests.filter(({ path }) => path.endsWith(`${jobs.lost}/accept`))
    await eventually('the second accept', () => accepts().some(({ status }) => status === 422), 80)
    skipTime(times.acceptedMs)
    t.match(await ended(jobs.lost), { state: 'finished', exitStatus: 0, finishCount: 1 })
    const at = accepts().map(request => request.at)
    const atOnce = at.filter((time, index) => time - (at[index - 1] ?? 0) < 300)
    t.ok(atOnce.length <= 2, `and is asked for once an interval of 1 s: ${at.join(', ')}`)
  })

  await t.test('each has had one Job, and every slot asks for the next job', async t => {
    for (const [what, id] of Object.entries(jobs)) t.equal(jobsMadeFor(world, id), 1, what)
    const since = upstream.requests.length
    const pinging = () =>
      new Set(
        upstream.requests
          .slice(since)
          .filter(({ path }) => path.endsWith('/ping'))
          .map(({ agent }) => agent),
      )
    await eventually('a ping of every slot', () => pinging().size === 9)
    passed(t, await world.run(`steps: [{ command: "true" }]`))
    t.equal(upstream.agents().length, 9, 'the agents are the same ones')
  })
})

t.test('with signals', async t => {
  const world = await startWorld(t, { maxInFlight: 1, flags: { 'shutdown-grace': '20s' } })
  const { upstream, cluster, spawner } = world

  await t.test('a second SIGTERM hands the running job over to the next process', async t => {
    const { id } = world.begin(ticking)
    await untilTicking(world, id)
    const from = spawner.log.length
    spawner.signal('SIGTERM')
    await spawner.waitForLog('stop asked for', { from })
    t.equal(await spawner.kill('SIGTERM'), 0)
    t.equal(upstream.job(id).state, 'running')
    spawner.start()
    const job = await world.until(id, isOver, 'the end of the job')
    t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
    t.same(ticksOf(job), ticks)
  })

  await t.test('a Job of ours without a run does not go on', async () => {
    const { id } = world.begin(`steps: [{ command: "echo tick 2; sleep 60" }]`)
    await untilTicking(world, id)
    await spawner.kill('SIGKILL')
    await loseLedger(world)
    spawner.start()
    // Its agent may end by itself, as its tokens are nobody's now: then the Job stays until its TTL.
    const goesOn = ({ status }: V1Job) =>
      !status?.conditions?.some(({ status }) => status === 'True')
    await eventually('the Job to be over', () => !jobsOf(world, id).some(goesOn))
    const live = ({ status }: V1Pod) => !/Succeeded|Failed/.test(status?.phase ?? '')
    await eventually('its pod to be over', () => !podsOf(world, id).some(live))
  })

  await t.test('SIGTERM: no new job is taken, the running one ends, we disconnect', async t => {
    const { id } = world.begin(ticking)
    await untilTicking(world, id)
    const from = spawner.log.length
    const stopped = spawner.kill('SIGTERM')
    await spawner.waitForLog('stop asked for', { from })
    const late = world.begin(`steps: [{ command: "true" }]`)
    t.equal(await stopped, 0)
    const job = upstream.job(id)
    t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
    t.same(ticksOf(job), ticks)
    t.equal(upstream.job(late.id).state, 'scheduled')
    t.equal(upstream.agents().at(-1)?.state, 'disconnected')
    t.same(cluster.objects('secrets', ledgerNamespace), [], 'and the ledger is empty')
  })
})

t.test(
  'a job that waits for its PodTemplate, killed: it runs with it, or says that it is gone',
  async t => {
    const world = await startWorld(t, { maxInFlight: 2 })
    const core = coreOf(world)
    // The program makes the namespace as it starts: whoever comes second finds it there.
    await core.createNamespace({ body: { metadata: { name: namespace } } }).catch(() => undefined)
    const spec = {
      containers: [{ name: 'main', image: 'a:1', env: [{ name: 'OF', value: 'it' }] }],
    }
    for (const name of ['kept', 'lost']) {
      const body = { metadata: { name }, template: { spec } }
      await core.createNamespacedPodTemplate({ namespace, body })
    }
    const mend = world.cluster.fault({ match: { path: /\/podtemplates\// }, status: 500 })
    const begun = (podTemplate: string) => {
      const plugins = [{ kubernetes: { podTemplate } }]
      return world.begin(JSON.stringify({ steps: [{ command: 'echo of $OF', plugins }] })).id
    }
    const [kept, lost] = [begun('kept'), begun('lost')]
    for (const id of [kept, lost]) {
      await world.until(id, ({ log }) => /does not give the PodTemplate/.test(log), 'the line')
    }
    await world.spawner.kill('SIGKILL')
    mend()
    await core.deleteNamespacedPodTemplate({ namespace, name: 'lost' })
    world.spawner.start()
    const ran = await world.until(kept, isOver, 'the end of the job')
    t.match(ran, { state: 'finished', exitStatus: 0, finishCount: 1 })
    t.ok(lines(ran.log).includes('of it'), ran.log)
    t.equal(jobsMadeFor(world, kept), 1)
    const failed = await world.until(lost, isOver, 'the end of the job')
    t.match(failed, { state: 'finished', exitStatus: -1, finishCount: 1 })
    t.match(failed.log, /wanted: a PodTemplate "lost" in namespace jobs/)
  },
)

t.test('the end of the grace hands over as a second SIGTERM does', async t => {
  const world = await startWorld(t, { maxInFlight: 1, flags: { 'shutdown-grace': '100ms' } })
  const { id } = world.begin(ticking)
  await untilTicking(world, id)
  t.equal(await world.spawner.kill('SIGTERM'), 0)
  t.equal(world.upstream.job(id).state, 'running')
  world.spawner.start()
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 })
  t.same(ticksOf(job), ticks)
})

function ticksOf({ log }: JobView): string[] {
  return lines(log).filter(line => line.startsWith('tick '))
}

async function untilTicking(world: World, id: string) {
  await world.until(id, job => /tick 2\r*\n/.test(job.log), 'the command to run')
}

/** A world with nine jobs, each where its name says, to be killed at once: some of them go on a moment later. */
async function nineJobs(t: Test) {
  let skipped = 0
  const clock = { ...systemClock, now: () => Date.now() + skipped }
  const world = await startWorld(t, { maxInFlight: 9, upstream: { clock, timeouts: times } })
  const folder = mkdtempSync(join(tmpdir(), 'job-spawner-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const scene: Scene = { ...world, faults: [], flag: join(folder, 'flag') }
  const jobs = {
    ...(await jobsWithPods(scene)),
    ...(await jobsAmidCalls(scene)),
    ...(await jobsAmidPosts(scene)),
  }
  return {
    world: scene,
    jobs,
    skipTime: (ms: number) => {
      skipped += ms
      world.upstream.expire()
    },
    commandMayEnd: () => writeFileSync(scene.flag, ''),
  }
}

/** A world in the making. */
interface Scene extends World {
  /** What ends the faults that are to last until the kill. */
  faults: (() => void)[]
  /** A file whose coming lets commands go on. */
  flag: string
}

function begin(scene: Scene, command: string): string {
  return scene.begin(`steps: [{ command: ${JSON.stringify(command)} }]`).id
}

function spoil({ upstream, faults }: Scene, call: string, reset: 'before' | 'after') {
  faults.push(upstream.fault({ match: { path: new RegExp(`${call}$`) }, reset }))
}

async function jobsWithPods(scene: Scene) {
  const { flag } = scene
  const pending = scene.begin(nowhere).id
  const canceled = begin(scene, 'echo tick 2; sleep 60')
  const wait = `while [ ! -e ${flag} ]; do sleep 0.1; done`
  const ending = begin(scene, `echo tick 2; ${wait}; exit 5`)
  const loop = `for i in $(seq 1 10); do echo tick $i; [ $i != 3 ] || ${wait}; sleep 0.2; done`
  const inMidJob = begin(scene, loop)
  const finished = begin(scene, 'exit 6')
  spoil(scene, `${finished}/finish`, 'after')
  // Else it would be heard from the job's state.
  spoil(scene, finished, 'before')
  await eventually('the pod', () => podsOf(scene, pending).length === 1)
  await Promise.all([canceled, ending, inMidJob].map(id => untilTicking(scene, id)))
  await scene.until(finished, isOver, 'the finish')
  return { pending, canceled, ending, ticking: inMidJob, finished }
}

async function jobsAmidCalls(scene: Scene) {
  const { upstream } = scene
  const lost = begin(scene, 'true')
  spoil(scene, `${lost}/accept`, 'after')
  const accepted = begin(scene, 'true')
  spoil(scene, `${accepted}/start`, 'before')
  await scene.until(lost, ({ state }) => state === 'accepted', 'the accept')
  const starts = () => upstream.requests.some(({ path }) => path.endsWith(`${accepted}/start`))
  await eventually('the start', starts)
  return { lost, accepted }
}

async function jobsAmidPosts(scene: Scene) {
  const { cluster, spawner, faults } = scene
  const refused = (id: string) =>
    spawner.waitForLog(line => line.msg === 'Job not created yet' && line['job'] === id)
  const post = { method: 'POST', path: /\/jobs$/ }
  cluster.fault({ match: post, reset: true, when: 'after', times: 1 })
  const made = scene.begin(ticking).id
  faults.push(cluster.fault({ match: post, status: 503 }))
  await refused(made)
  const started = begin(scene, 'true')
  await refused(started)
  return { made, started }
}

function isCommandOver(world: World, id: string): boolean {
  const statuses = podsOf(world, id)[0]?.status?.containerStatuses ?? []
  return statuses.some(
    ({ name, state }) => name === 'container-0' && state?.terminated !== undefined,
  )
}

function coreOf({ cluster }: World): CoreV1Api {
  const config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  return config.makeApiClient(CoreV1Api)
}

async function loseLedger(world: World) {
  const { cluster } = world
  const core = coreOf(world)
  const secrets = cluster.objects('secrets', ledgerNamespace) as { metadata: { name: string } }[]
  for (const { metadata } of secrets) {
    await core.deleteNamespacedSecret({ namespace: ledgerNamespace, name: metadata.name })
  }
}
