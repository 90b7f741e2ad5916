import t, { type Test } from 'tap'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from './harness/counting.js'
import { podsOf } from './harness/job-pods.js'
import { apply, eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { installRelease } from './harness/release.js'
import { killSpawner, processOf } from './harness/spawner-pods.js'

// Two replicas from the chart. The one that leads dies, in each phase of a job; the job does not notice.

const release = await installRelease(t)
const { upstream, namespaces } = release

/** Waits until a running job has printed that line. */
async function untilLine(jobId: string, number: number): Promise<void> {
  const what = `line ${number} of job ${jobId}`
  const printed = () => counted(upstream.job(jobId)).includes(number)
  await upstream.waitFor(printed, { timeoutMs: 90_000, what })
}

async function killLeader(): Promise<void> {
  killSpawner(await release.leader())
}

interface Slice {
  items: { endpoints: { addresses: string[] }[] }[]
}

t.test('the Service leads to the one that leads', async t => {
  const leader = await release.leader()
  t.equal((await release.pods()).length, 2)
  const label = 'kubernetes.io/service-name=ci-job-spawner'
  const list = ['get', 'endpointslices', '-n', namespaces.ledger, '-l', label]
  const slices = await kubectlJson<Slice>(list)
  const addresses = slices.items.flatMap(({ endpoints }) => endpoints[0]?.addresses ?? [])
  t.same(addresses, [leader.status?.podIP])
})

t.test('killed as soon as a job is accepted', async t => {
  const pid = processOf(await release.leader())
  const { id } = release.begin(countingPipeline({ to: 5, seconds: 0.2, exitStatus: 3 }))
  await upstream.waitFor(() => upstream.job(id).times.accepted !== undefined)
  process.kill(pid, 'SIGKILL')
  await endsWhole(t, upstream, id, { to: 5, exitStatus: 3 })
})

t.test('killed while a job is accepted and its Job can not be made yet', async t => {
  await forbidJobs()
  t.teardown(allowJobs)
  const { id } = release.begin(countingPipeline({ to: 5, seconds: 0.2, exitStatus: 3 }))
  await release.until(id, ({ log }) => /quota/.test(log), 'the quota to be told')
  await killLeader()
  await release.leader()
  t.same(await podsOf(release, id), [])
  await allowJobs()
  await endsWhole(t, upstream, id, { to: 5, exitStatus: 3 })
})

t.test('killed while the pod is pending', async t => {
  const label = `job-spawner-test/${namespaces.jobs}`
  t.teardown(() => kubectl(['label', 'nodes', '--all', `${label}-`]).then(() => undefined))
  const plugins = [{ kubernetes: { podSpecPatch: { nodeSelector: { [label]: 'yes' } } } }]
  const { id } = release.begin(
    countingPipeline({ to: 5, seconds: 0.2, exitStatus: 3, step: { plugins } }),
  )
  await eventually('the pod', async () => (await podsOf(release, id))[0])
  await killLeader()
  await release.leader()
  t.match(await podsOf(release, id), [{ status: { phase: 'Pending' } }])
  await kubectl(['label', 'nodes', '--all', `${label}=yes`])
  await endsWhole(t, upstream, id, { to: 5, exitStatus: 3 })
})

t.test('killed while the job runs', async t => {
  const { id } = release.begin(countingPipeline({ to: 60, seconds: 0.25, exitStatus: 3 }))
  await untilLine(id, 5)
  await killLeader()
  await endsWhole(t, upstream, id, { to: 60, exitStatus: 3 })
})

t.test('killed with its standby while the job runs', async t => {
  const { id } = release.begin(countingPipeline({ to: 60, seconds: 0.25, exitStatus: 3 }))
  await untilLine(id, 5)
  for (const pod of await release.pods()) killSpawnerIfThere(pod)
  await endsWhole(t, upstream, id, { to: 60, exitStatus: 3 })
})

t.test('killed while the job runs, and its pod is gone', async t => {
  const { id } = release.begin(countingPipeline({ to: 60, seconds: 0.25, exitStatus: 3 }))
  await untilLine(id, 5)
  const leader = await release.leader()
  const pid = processOf(leader)
  // Still, so that it does not hear of its pod's end: then its container is not started again.
  process.kill(pid, 'SIGSTOP')
  const name = leader.metadata?.name ?? ''
  await kubectl(['delete', 'pod', name, '-n', namespaces.ledger, '--force', '--grace-period=0'])
  process.kill(pid, 'SIGKILL')
  await endsWhole(t, upstream, id, { to: 60, exitStatus: 3 })
})

t.test('stalled while the job runs: another leads, and what it wakes up to is its end', async t => {
  const { id } = release.begin(countingPipeline({ to: 120, seconds: 0.25, exitStatus: 3 }))
  await untilLine(id, 5)
  const stalled = await release.leader()
  const pid = processOf(stalled)
  process.kill(pid, 'SIGSTOP')
  try {
    const next = await release.leader()
    t.not(next.metadata?.uid, stalled.metadata?.uid)
    await untilLine(id, counted(upstream.job(id)).length + 5)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await eventually('the end of the stalled process', async () => !runs(pid) || undefined, 30)
  await endsWhole(t, upstream, id, { to: 120, exitStatus: 3 })
})

t.test('killed while upstream works on the finish', async t => {
  const pid = processOf(await release.leader())
  const { id } = release.begin(countingPipeline({ to: 3, seconds: 0.2, exitStatus: 3 }))
  const match = { method: 'PUT', path: new RegExp(`/jobs/${id}/finish$`) }
  t.teardown(upstream.fault({ match, times: 1, delayMs: 3_000 }))
  await finishCalls(id, 1)
  process.kill(pid, 'SIGKILL')
  await endsWhole(t, upstream, id, { to: 3, exitStatus: 3 })
})

t.test('killed while upstream takes no finish', async t => {
  const { id } = release.begin(countingPipeline({ to: 3, seconds: 0.2, exitStatus: 3 }))
  const match = { method: 'PUT', path: new RegExp(`/jobs/${id}/finish$`) }
  const end = upstream.fault({ match, status: 503 })
  t.teardown(end)
  await finishCalls(id, 2)
  await podsEnd(t, id)
  await killLeader()
  await release.leader()
  end()
  await endsWhole(t, upstream, id, { to: 3, exitStatus: 3 })
})

t.test('after all of this, each Job has had its job, and the next job runs', async t => {
  await leavesNoOrphan(t, upstream, namespaces.jobs)
  t.equal((await release.run(`steps: [{ command: "true" }]`)).state, 'passed')
})

const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'no-jobs' } }
const inJobs = ['-n', namespaces.jobs]

async function forbidJobs(): Promise<void> {
  const spec = { hard: { 'count/jobs.batch': '0' } }
  await apply({ ...quota, metadata: { ...quota.metadata, namespace: namespaces.jobs }, spec })
  await eventually('the quota to be in force', async () => {
    const { status } = await kubectlJson<{ status?: { hard?: object } }>([
      'get',
      'resourcequota',
      'no-jobs',
      ...inJobs,
    ])
    return status?.hard
  })
}

async function allowJobs(): Promise<void> {
  await kubectl(['delete', 'resourcequota', 'no-jobs', ...inJobs, '--ignore-not-found'])
}

// The pod is let go with its report taken, though upstream has not taken it.
async function podsEnd(t: Test, jobId: string): Promise<void> {
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

// One of the two may be between two lives.
function killSpawnerIfThere(pod: Parameters<typeof killSpawner>[0]): void {
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
