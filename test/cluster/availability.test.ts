import type { V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import {
  counted,
  countingPipeline,
  endsWhole,
  leavesNoOrphan,
  letEnd,
  openPipeline,
} from './harness/counting.js'
import { podOf, podsOf } from './harness/job-pods.js'
import { apply, eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { installRelease } from './harness/release.js'
import { killSpawner, processOf } from './harness/spawner-pods.js'

// Two replicas from the chart. The one that leads goes, in each way that there is, while there is a job in each phase
// of its life: the jobs do not notice.

const release = await installRelease(t, { config: { 'max-in-flight': 8 } })
const { upstream, namespaces } = release
const inJobs = ['-n', namespaces.jobs]
const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-jobs' } }

interface Slice {
  items: { endpoints: { addresses: string[] }[] }[]
}

t.test('the Service leads to the one that leads', async t => {
  const leader = await release.leader()
  t.equal((await release.pods()).length, 2)
  const selector = 'kubernetes.io/service-name=ci-job-spawner'
  const list = ['get', 'endpointslices', '-n', namespaces.ledger, '-l', selector]
  const slices = await kubectlJson<Slice>(list)
  const addresses = slices.items.flatMap(({ endpoints }) => endpoints[0]?.addresses ?? [])
  t.same(addresses, [leader.status?.podIP])
})

t.test('the leader is dead, and its pod gone', t =>
  inEachPhase(t, 'no Job yet', async leader => {
    const pid = processOf(leader)
    // Still, so that it does not hear of its pod's end: then its container is not started again.
    process.kill(pid, 'SIGSTOP')
    const name = leader.metadata?.name ?? ''
    await kubectl(['delete', 'pod', name, '-n', namespaces.ledger, '--force', '--grace-period=0'])
    process.kill(pid, 'SIGKILL')
  }),
)

t.test('the leader is killed in its pod', t =>
  inEachPhase(t, 'just accepted', async leader => killSpawner(leader)),
)

t.test('the leader stands still: another leads, and what it wakes up to is its end', t =>
  inEachPhase(t, 'no Job yet', async leader => {
    const pid = processOf(leader)
    process.kill(pid, 'SIGSTOP')
    try {
      const next = await release.leader()
      t.not(next.metadata?.uid, leader.metadata?.uid)
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await eventually('the end of the stalled process', async () => !runs(pid) || undefined, 15)
  }),
)

t.test('both are killed', t =>
  inEachPhase(t, 'just accepted', async () => {
    for (const pod of await release.pods()) killIfThere(pod)
  }),
)

t.test('after all of this, each Job has had its job, and the next job runs', async t => {
  await leavesNoOrphan(t, upstream, namespaces.jobs)
  t.equal((await release.run(`steps: [{ command: "true" }]`)).state, 'passed')
})

/** The phase of the job that was begun last: its Job can't be made, or it is not known whether it was. */
type LastPhase = 'no Job yet' | 'just accepted'

/** Brings a job into each phase, ends the leader, and sees that each job comes to its own end. */
async function inEachPhase(
  t: Test,
  last: LastPhase,
  end: (leader: V1Pod) => Promise<void>,
): Promise<void> {
  t.teardown(allowJobs)
  const leader = await release.leader()
  const jobs = beginAll(t)
  await Promise.all([
    untilLine(jobs.running, 2),
    eventually('the pending pod', async () => (await podsOf(release, jobs.pending))[0]),
    isLetGo(t, jobs.unreported),
  ])
  const ending = beginEnding(t)
  await finishCalls(ending, 1)
  const begun = await beginLast(last)
  await end(leader)
  await release.leader()
  t.match(await podsOf(release, jobs.pending), [{ status: { phase: 'Pending' } }])
  if (last === 'no Job yet') t.same(await podsOf(release, begun), [])
  await Promise.all([allowJobs(), openGate(jobs.pending)])
  jobs.takeFinish()
  const short = [jobs.pending, jobs.unreported, ending, begun]
  await Promise.all(short.map(id => endsWhole(t, upstream, id, { to: 5, exitStatus: 3 })))
  t.equal(upstream.job(jobs.running).state, 'running', 'the long job ran all the while')
  await letEnd(namespaces.jobs, await podOf(release, jobs.running))
  await endsWhole(t, upstream, jobs.running, { exitStatus: 3 })
}

function beginAll(t: Test) {
  const running = release.begin(openPipeline(3)).id
  const plugins = [{ kubernetes: { podSpecPatch: { schedulingGates: [{ name: 'test/gate' }] } } }]
  const pending = begin(5, { plugins })
  const unreported = begin(5)
  const takeFinish = upstream.fault({ match: finishOf(unreported), status: 503 })
  t.teardown(takeFinish)
  return { running, pending, unreported, takeFinish }
}

/** A job whose finish upstream takes its time for. */
function beginEnding(t: Test): string {
  const id = begin(5)
  t.teardown(upstream.fault({ match: finishOf(id), times: 1, delayMs: 5_000 }))
  return id
}

async function beginLast(phase: LastPhase): Promise<string> {
  if (phase === 'no Job yet') await forbidJobs()
  const id = begin(5)
  if (phase === 'just accepted') {
    await upstream.waitFor(() => upstream.job(id).times.accepted !== undefined)
  } else {
    await release.until(id, ({ log }) => /quota/.test(log), 'the quota to be told')
  }
  return id
}

function begin(to: number, step: object = {}): string {
  return release.begin(countingPipeline({ to, seconds: 0.25, exitStatus: 3, step })).id
}

function finishOf(jobId: string) {
  return { method: 'PUT', path: new RegExp(`/jobs/${jobId}/finish$`) }
}

async function untilLine(jobId: string, number: number): Promise<void> {
  const what = `line ${number} of job ${jobId}`
  const printed = () => counted(upstream.job(jobId)).includes(number)
  await upstream.waitFor(printed, { timeoutMs: 90_000, what })
}

/** Its pod ends, though upstream does not take what it has reported. */
async function isLetGo(t: Test, jobId: string): Promise<void> {
  await finishCalls(jobId, 1)
  const ended = async () =>
    (await podsOf(release, jobId)).every(({ status }) =>
      /Succeeded|Failed/.test(status?.phase ?? ''),
    ) || undefined
  t.ok(await eventually('the end of the pod', ended, 60), 'the pod need not wait for upstream')
}

async function finishCalls(jobId: string, count: number): Promise<void> {
  const path = `/jobs/${jobId}/finish`
  const calls = () => upstream.requests.filter(request => request.path.endsWith(path)).length
  await upstream.waitFor(() => calls() >= count, { timeoutMs: 60_000, what: 'calls of finish' })
}

async function forbidJobs(): Promise<void> {
  const spec = { hard: { 'count/jobs.batch': '0' } }
  await apply({ ...quota, metadata: { ...quota.metadata, namespace: namespaces.jobs }, spec })
  const get = ['get', 'resourcequota', quota.metadata.name, ...inJobs]
  await eventually('the quota to be in force', async () => {
    return (await kubectlJson<{ status?: { hard?: object } }>(get)).status?.hard
  })
}

async function allowJobs(): Promise<void> {
  await kubectl(['delete', 'resourcequota', quota.metadata.name, ...inJobs, '--ignore-not-found'])
}

// A gate, not a label of the node that it selects: the kubelet may hear of a label later than the scheduler.
async function openGate(jobId: string): Promise<void> {
  const [pod] = await podsOf(release, jobId)
  const patch = JSON.stringify([{ op: 'remove', path: '/spec/schedulingGates' }])
  await kubectl(['patch', 'pod', pod?.metadata?.name ?? '', ...inJobs, '--type=json', '-p', patch])
}

// One of the two may be between two lives.
function killIfThere(pod: V1Pod): void {
  try {
    killSpawner(pod)
  } catch {
    return
  }
}

function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
