import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { isOver } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { apply, kubectl } from './harness/kubectl.js'
import { startWorld } from './harness/world.js'

// What the API server does not take, and what of that it says only of a pod that a Job's controller wants to make: the
// job's log has its words.

t.jobs = 6

const world = await startWorld(t, { maxInFlight: 8 })
const namespace = world.namespaces.jobs

await apply({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name: 'small', namespace },
  spec: { limits: [{ type: 'Container', max: { memory: '8Gi' }, default: { memory: '1Gi' } }] },
})

function begin(step: object, podSpec?: object): string {
  const plugins = podSpec ? [{ kubernetes: { podSpec } }] : []
  return world.begin(JSON.stringify({ steps: [{ command: 'true', plugins, ...step }] })).id
}

/** Runs a job that the cluster does not take, and gives its log. */
async function fails(t: Test, id: string): Promise<string> {
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 })
  return job.log
}

const containers = [{ image: jobImage }]

t.test('a pod beyond a LimitRange', async t => {
  const resources = { limits: { memory: '9Gi' } }
  const log = await fails(t, begin({}, { containers: [{ image: jobImage, resources }] }))
  t.match(log, /\+\+\+ Job spawner: PodRefused/)
  t.match(log, /maximum memory usage per Container is 8Gi/)
})

t.test('a ServiceAccount that does not exist', async t => {
  const log = await fails(t, begin({}, { serviceAccountName: 'nobody', containers }))
  t.match(log, /\+\+\+ Job spawner: PodRefused[^]*serviceaccount "nobody" not found/)
})

t.test('a field that the API server refuses', async t => {
  const log = await fails(t, begin({}, { containers, nodeSelector: { 'not a label': 'x' } }))
  t.match(log, /Kubernetes refuses the Job[^]*nodeSelector[^]*not a label/)
})

t.test('a podSpec of more than etcd takes', async t => {
  const env = Array.from({ length: 3_000 }, (_, i) => ({ name: `A${i}`, value: 'x'.repeat(500) }))
  const log = await fails(t, begin({}, { containers: [{ image: jobImage, env }] }))
  t.match(log, /the Job is too large for Kubernetes[^]*1\.5 MiB/)
})

t.test('an environment of more than the ledger takes', async t => {
  const large = () => randomBytes(45_000).toString('base64')
  const env = Object.fromEntries(Array.from({ length: 26 }, (_, i) => [`LARGE_${i}`, large()]))
  const log = await fails(t, begin({ image: jobImage, env }))
  t.match(log, /the job is too large to be recorded[^]*at most 1000000 bytes when packed/)
})

t.test(
  'a node that does not exist: the scheduler is heard, and the job can be had back',
  async t => {
    const id = begin({}, { containers, nodeSelector: { nowhere: 'true' } })
    await world.until(id, ({ log }) => /No node has taken the pod yet/.test(log), 'the line')
    world.upstream.cancelJob(id)
    const { log } = await world.until(id, isOver, 'the end of the job')
    t.match(log, /0\/\d+ nodes are available/)
  },
)

t.test('a quota for pods: told, and waited for', { buffered: false }, async t => {
  const metadata = { name: 'none', namespace }
  const spec = { hard: { pods: '0' } }
  await apply({ apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec })
  const id = begin({ image: jobImage, command: 'echo came through' })
  await world.until(id, ({ log }) => /exceeded quota: none/.test(log), 'the line')
  await kubectl(['delete', 'resourcequota', 'none', '-n', namespace])
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: 0 }, job.log)
  t.match(job.log, /Kubernetes says [^]*exceeded quota[^]*came through/)
})
