import t from 'tap'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from './harness/counting.js'
import { kubectl } from './harness/kubectl.js'
import { installRelease } from './harness/release.js'

// The chart's pods go and come as Kubernetes wants it: a drained node, an upgrade, fewer replicas.

const release = await installRelease(t, { config: { 'max-in-flight': 20 } })
const { upstream, namespaces } = release

function begin(to: number, seconds: number): string {
  return release.begin(countingPipeline({ to, seconds, exitStatus: 3 })).id
}

async function untilRunning(jobs: readonly string[]): Promise<void> {
  const running = () => jobs.every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 180_000, what: 'the first line of each job' })
}

t.test('a leader that is told to stop hands over before its lease is over', async t => {
  const id = begin(60, 0.25)
  await untilRunning([id])
  const old = await release.leader()
  const from = Date.now()
  const name = old.metadata?.name ?? ''
  await kubectl(['delete', 'pod', name, '-n', namespaces.ledger, '--wait=false'])
  const next = await release.leader()
  t.not(next.metadata?.uid, old.metadata?.uid)
  t.ok(Date.now() - from < 8_000, `another leads after ${Date.now() - from} ms`)
  t.equal(upstream.job(id).state, 'running')
  await endsWhole(t, upstream, id, { to: 60, exitStatus: 3 })
})

t.test('an upgrade with 20 running jobs loses none, and comes to its end', async t => {
  const jobs = Array.from({ length: 20 }, () => begin(140, 1))
  await untilRunning(jobs)
  const before = (await release.pods()).map(({ metadata }) => metadata?.uid)
  await release.upgrade({ podAnnotations: { round: '2' } })
  const after = await release.pods()
  t.equal(after.length, 2)
  t.notOk(
    after.some(({ metadata }) => before.includes(metadata?.uid)),
    'the pods are new',
  )
  t.ok(
    jobs.every(id => upstream.job(id).state === 'running'),
    'and the jobs ran all the while',
  )
  const status = ['rollout', 'status', 'deployment/ci-job-spawner', '--timeout=10s']
  t.match(await kubectl([...status, '-n', namespaces.ledger]), /successfully rolled out/)
  await Promise.all(jobs.map(id => endsWhole(t, upstream, id, { to: 140, exitStatus: 3 })))
})

t.test('from two replicas to one, and back', async t => {
  const id = begin(60, 0.5)
  await untilRunning([id])
  await release.upgrade({ replicas: 1 })
  t.equal((await release.pods()).length, 1)
  await release.upgrade({ replicas: 2 })
  t.equal((await release.pods()).length, 2)
  await endsWhole(t, upstream, id, { to: 60, exitStatus: 3 })
})

t.test('after all of this, each Job has had its job', async t => {
  await leavesNoOrphan(t, upstream, namespaces.jobs)
})
