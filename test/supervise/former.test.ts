import type { V1Job } from '@kubernetes/client-node'
import { Writable } from 'node:stream'
import t from 'tap'
import { ClusterError } from '../../lib/cluster/cluster-error.js'
import { makeLog } from '../../lib/log.js'
import { formerJobs, listFormerJobs } from '../../lib/supervise/former.js'
import { jobOf } from './cluster-of.js'

function of(owner: string, jobId: string, condition?: { type: string }): V1Job {
  const job = jobOf(jobId, condition)
  const labels = { ...job.metadata?.labels, 'job-spawner/instance': owner }
  return { ...job, metadata: { ...job.metadata, labels } }
}

const jobs = [
  of('ledger.ci', 'run'),
  of('ledger.ci', 'orphan'),
  of('ledger.ci', 'done', { type: 'Complete' }),
  of('old.ci', 'foreign'),
  of('old.ci', 'over', { type: 'Failed' }),
  of('old.other', 'unrelated'),
  of('ledger.my.ci', 'dotted'),
  of('ci', 'bare'),
]
const isRun = (jobId: string) => jobId === 'run'
const names = (list: readonly V1Job[]) => list.map(({ metadata }) => metadata?.name)

t.test('a former installation has our name and another ledger', async t => {
  const { ours, foreign } = formerJobs(jobs, { owner: 'ledger.ci', isRun })
  t.same(names(ours), ['buildkite-orphan'])
  t.same(names(foreign), ['buildkite-foreign'])
  const dotted = formerJobs([of('old.my.ci', 'a'), of('old.ci', 'b')], { owner: 'x.my.ci', isRun })
  t.same(names(dotted.foreign), ['buildkite-a'])
})

async function logged(found: V1Job[] | Error): Promise<string[]> {
  const lines: string[] = []
  const write = (chunk: Buffer, _: string, done: () => void) => {
    lines.push(String(chunk))
    done()
  }
  const cluster = {
    namespace: 'jobs',
    listJobs: async (selector: string) => {
      if (found instanceof Error) throw found
      return selector === 'app.kubernetes.io/managed-by=job-spawner' ? found : []
    },
  }
  const log = makeLog('info', new Writable({ write }))
  await listFormerJobs({ cluster, log, owner: 'ledger.ci', isRun })
  return lines
}

t.test('each is a line of the log, with the command that deletes it', async t => {
  const lines = await logged(jobs)
  t.equal(lines.length, 2)
  t.match(lines[1], /kubectl delete job buildkite-foreign --namespace jobs/)
  t.match(lines[1], /former installation/)
  const many = Array.from({ length: 30 }, (_, n) => of('old.ci', `job-${n}`))
  const few = await logged(many)
  t.equal(few.length, 21)
  t.match(few.at(-1), /"more":10/)
})

t.test('where Jobs may not be listed, that is said', async t => {
  const lines = await logged(new ClusterError({ status: 403, message: 'no' }))
  t.equal(lines.length, 1)
})
