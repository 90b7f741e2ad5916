import { rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isOver } from '../harness/builds.js'
import { jobImage } from './harness/env.js'
import { apply, eventually, kubectl, kubectlJson } from './harness/kubectl.js'
import { startWorld } from './harness/world.js'

// Workspaces on PersistentVolumeClaims that no storage is behind: the cluster of the suite has no storage class.

t.jobs = 4

const world = await startWorld(t)
const { namespaces } = world

interface Timed {
  /** What the job's log says in the end. */
  log: string
  /** From the job's start to its end. */
  seconds: number
}

/** Runs a job whose workspace is that volume, and that is to fail for it. */
async function fails(t: Test, volume: object): Promise<Timed> {
  const podSpec = {
    volumes: [{ name: 'workspace', ...volume }],
    containers: [{ image: jobImage }],
  }
  const pipeline = { steps: [{ command: 'true', plugins: [{ kubernetes: { podSpec } }] }] }
  const { id } = world.begin(JSON.stringify(pipeline))
  const job = await world.until(id, isOver, 'the end of the job')
  const { started = 0, finished = 0 } = job.times
  const seconds = (finished - started) / 1000
  t.match(job, { state: 'finished', exitStatus: -1, finishCount: 1 })
  t.match(job.log, /\+\+\+ Job spawner: VolumeClaim/)
  t.match(job.log, /Volume workspace has no storage/)
  t.comment(`${seconds.toFixed(1)} s`)
  await eventually('its pod and its claim to be gone', () => leftOf(id), 60)
  return { log: job.log, seconds }
}

async function leftOf(jobId: string): Promise<true | undefined> {
  const { items } = await kubectlJson<{ items: { metadata: { name: string } }[] }>([
    'get',
    'pods,persistentvolumeclaims',
    '-n',
    namespaces.jobs,
  ])
  return items.some(({ metadata }) => metadata.name.includes(jobId)) ? undefined : true
}

function ephemeral(storageClassName?: string): object {
  const resources = { requests: { storage: '1Gi' } }
  const spec = { accessModes: ['ReadWriteOnce'], storageClassName, resources }
  return { ephemeral: { volumeClaimTemplate: { spec } } }
}

t.test('without a storage class, an ephemeral workspace is refused within 20 s', async t => {
  const { log, seconds } = await fails(t, ephemeral())
  t.match(log, /no persistent volumes available for this claim and no storage class is set/)
  t.match(log, /no default StorageClass/)
  t.ok(seconds >= 8 && seconds < 20, `${seconds} s`)
})

t.test('a storage class that does not exist is named', async t => {
  const { log, seconds } = await fails(t, ephemeral('no-such-class'))
  t.match(log, /storageclass.* "no-such-class" not found/)
  t.ok(seconds >= 8 && seconds < 25, `${seconds} s`)
})

t.test('a claim that does not exist is named', async t => {
  const { log, seconds } = await fails(t, { persistentVolumeClaim: { claimName: 'no-such-claim' } })
  t.match(log, /there is no PersistentVolumeClaim no-such-claim/)
  t.match(log, /Kubernetes says.*: .*persistentvolumeclaim "no-such-claim" not found/)
  t.ok(seconds >= 8 && seconds < 25, `${seconds} s`)
})

t.test('a claim that gets its storage late is waited for', async t => {
  const name = `late-${namespaces.jobs}`
  const spec = {
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
    volumeName: name,
    resources: { requests: { storage: '1Gi' } },
  }
  const metadata = { name: 'late', namespace: namespaces.jobs }
  await apply({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec })
  const podSpec = {
    volumes: [{ name: 'workspace', persistentVolumeClaim: { claimName: 'late' } }],
    containers: [{ image: jobImage }],
  }
  const pipeline = { steps: [{ command: 'echo stored', plugins: [{ kubernetes: { podSpec } }] }] }
  const { id } = world.begin(JSON.stringify(pipeline))
  await eventually('the pod to wait', async () => ((await unscheduled(id)) ? true : undefined), 60)
  await makeVolume(t, name, metadata)
  const job = await world.until(id, isOver, 'the end of the job')
  t.match(job, { state: 'finished', exitStatus: 0 }, job.log)
})

/** A volume of the node's disk, made by hand for that claim; it goes with the test. */
async function makeVolume(t: Test, name: string, claimRef: object): Promise<void> {
  const path = join(tmpdir(), name)
  t.teardown(async () => {
    await kubectl(['delete', 'persistentvolume', name, '--ignore-not-found', '--wait=false'])
    // The node is this machine in the cluster of the suite; on another there is nothing to remove.
    rmSync(path, { recursive: true, force: true })
  })
  const spec = {
    accessModes: ['ReadWriteOnce'],
    claimRef,
    capacity: { storage: '1Gi' },
    hostPath: { path, type: 'DirectoryOrCreate' },
  }
  await apply({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec })
}

async function unscheduled(jobId: string): Promise<boolean> {
  const { items } = await kubectlJson<{
    items: { status: { conditions?: { message?: string }[] } }[]
  }>(['get', 'pods', '-n', namespaces.jobs, '-l', `buildkite.com/job-uuid=${jobId}`])
  return items.some(({ status }) =>
    status.conditions?.some(({ message }) => message?.includes('unbound')),
  )
}
