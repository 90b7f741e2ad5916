import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { silentLog } from '../../lib/log.js'
import { deleteLingering, deleteOrphans, orphans } from '../../lib/supervise/cleanup.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { jobOf, nameOf, TwoFacedCluster } from './cluster-of.js'

function context() {
  const cluster = new TwoFacedCluster()
  const clock = new HandClock()
  return { cluster, clock, context: { cluster: cluster.asCluster, log: silentLog(), clock } }
}

const deleting = jobOf('deleting')
if (deleting.metadata) deleting.metadata.deletionTimestamp = new Date(0)
const jobs = [
  jobOf('ours'),
  jobOf('orphan'),
  jobOf('done', { type: 'Complete' }),
  jobOf('failed', { type: 'Failed' }),
  deleting,
]
const run = { jobId: 'job-1', jobName: nameOf('job-1') }
const isRun = (jobId: string) => jobId === 'ours'

t.test('an orphan goes on although its job is none of ours', async t => {
  t.same(
    orphans(jobs, isRun).map(job => job.metadata?.name),
    [nameOf('orphan')],
  )
  t.same(orphans([{ metadata: { name: 'without-labels' } }], isRun).length, 1)
})

t.test('orphans are deleted, one that can not be among them or not', async t => {
  const { cluster, context: given } = context()
  const deleteJob = cluster.deleteJob.bind(cluster)
  cluster.deleteJob = async name => {
    if (name === nameOf('first')) throw new Error('down')
    await deleteJob(name)
  }
  await deleteOrphans([jobOf('first'), ...jobs], isRun, given)
  t.same(cluster.deleted, [nameOf('orphan')])
})

t.test('a pod that stays long after its job has its Job deleted', async t => {
  const { cluster, clock, context: given } = context()
  cluster.liveJob = jobOf('job-1')
  const lingering = deleteLingering(run, given, new AbortController().signal)
  clock.advance(89_000)
  t.equal(cluster.looks, 0, 'its agent may still be going')
  clock.advance(1_000)
  await lingering
  t.same(cluster.deleted, [nameOf('job-1')])
})

t.test('one that has gone by itself is left alone', async t => {
  for (const job of [undefined, jobOf('job-1', { type: 'Complete' })]) {
    const { cluster, clock, context: given } = context()
    cluster.liveJob = job
    const lingering = deleteLingering(run, given, new AbortController().signal)
    clock.advance(90_000)
    await lingering
    t.equal(cluster.looks, 1)
    t.same(cluster.deleted, [])
  }
})

t.test('neither a cluster that does not answer nor a stop is a failure', async t => {
  const { cluster, clock, context: given } = context()
  cluster.failing = true
  const lingering = deleteLingering(run, given, new AbortController().signal)
  clock.advance(90_000)
  await lingering
  const stop = new AbortController()
  const waiting = deleteLingering(run, given, stop.signal)
  await until(() => clock.sleeping > 0)
  stop.abort()
  await waiting
  t.equal(cluster.looks, 1)
})

t.test('the Job of a run whose job was given out anew is left to the run that has it', async t => {
  const { cluster, clock, context: given } = context()
  cluster.liveJob = jobOf('job-1')
  const replaced = { ...run, replaced: true }
  const lingering = deleteLingering(replaced, given, new AbortController().signal)
  clock.advance(90_000)
  await lingering
  t.same(cluster.deleted, [])
})

t.test('a Job that can not be deleted now is deleted later', async t => {
  const { cluster, clock, context: given } = context()
  cluster.liveJob = jobOf('job-1')
  let away = 2
  const deleteJob = cluster.deleteJob.bind(cluster)
  cluster.deleteJob = async name => {
    if (away-- > 0) throw new ClusterError({ message: 'no answer' })
    await deleteJob(name)
  }
  const lingering = deleteLingering(run, given, new AbortController().signal)
  clock.advance(90_000)
  while (cluster.deleted.length === 0) {
    await new Promise(resolve => setImmediate(resolve))
    clock.advance(30_000)
  }
  await lingering
  t.same(cluster.deleted, [nameOf('job-1')])
})
