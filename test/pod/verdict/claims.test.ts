// Claims and events are written down as the real cluster gave them (Kubernetes 1.34).
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { parse } from 'yaml'
import { awaitedClaims } from '../../../lib/pod/verdict/claims.js'
import { limits } from './situation.js'
import { verdict, type SeenClaim } from '../../../lib/pod/verdict/verdict.js'

const start = '2026-01-01T00:00:00Z'

const pod = parse(`
metadata: { name: run-1-abcde, creationTimestamp: '${start}' }
spec:
  volumes:
    - { name: tmp, emptyDir: {} }
    - { name: workspace, ephemeral: { volumeClaimTemplate: { spec: {} } } }
    - { name: cache, persistentVolumeClaim: { claimName: shared } }
status:
  phase: Pending
  conditions:
    - type: PodScheduled
      status: 'False'
      reason: Unschedulable
      message: '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found'
`) as V1Pod

function event(reason: string, message: string, at = start): CoreV1Event {
  return parse(`
metadata: {}
involvedObject: { kind: PersistentVolumeClaim, uid: u1 }
reason: ${reason}
message: '${message}'
lastTimestamp: '${at}'
`) as CoreV1Event
}

const noClass = event(
  'FailedBinding',
  'no persistent volumes available for this claim and no storage class is set',
)
const wrongClass = event('ProvisioningFailed', 'storageclass.storage.k8s.io "nope" not found')

function claim(given: {
  phase?: string
  storageClassName?: string
  events?: CoreV1Event[]
}): SeenClaim {
  const { phase = 'Pending', storageClassName, events = [] } = given
  const object = { metadata: { uid: 'u1' }, spec: { storageClassName }, status: { phase } }
  return {
    volume: 'workspace',
    name: 'run-1-abcde-workspace',
    ephemeral: true,
    object: object,
    events,
  }
}

const gone: SeenClaim = {
  volume: 'cache',
  name: 'shared',
  ephemeral: false,
  object: undefined,
  events: [],
}

function after(seconds: number, claims: SeenClaim[], of = pod) {
  const now = Date.parse(start) + seconds * 1000
  return verdict({ pod: of, job: undefined, now, limits, podSeenBefore: true, claims })
}

const over = {
  state: 'over',
  cause: 'VolumeClaim',
  fault: 'job',
  signalReason: 'process_run_error',
}

t.test('a pod waits for the claims of its volumes, by the names that Kubernetes gives', async t => {
  t.same(awaitedClaims(pod), [
    { volume: 'workspace', name: 'run-1-abcde-workspace', ephemeral: true },
    { volume: 'cache', name: 'shared', ephemeral: false },
  ])
})

t.test('a pod that has a node waits for none', async t => {
  const scheduled = { ...pod, status: { conditions: [{ type: 'PodScheduled', status: 'True' }] } }
  t.same(awaitedClaims(scheduled), [])
  t.match(after(60, [claim({ events: [noClass] })], scheduled), { state: 'waiting' })
})

t.test('a cluster without a storage class ends the run after ten seconds', async t => {
  const claims = [claim({ events: [noClass] })]
  const waiting = after(9.9, claims)
  t.match(waiting, { state: 'waiting', reason: 'VolumeClaim', message: /no storage class is set/ })
  const ended = after(10, claims)
  t.match(ended, over)
  t.match(ended, {
    message:
      /Volume workspace has no storage: its PersistentVolumeClaim run-1-abcde-workspace is Pending\.\nKubernetes says \(FailedBinding\): no persistent volumes available for this claim and no storage class is set\n.*storageClassName/,
  })
})

t.test('a storage class that does not exist ends it after ten seconds', async t => {
  const claims = [claim({ storageClassName: 'nope', events: [wrongClass] })]
  t.match(after(9.9, claims), { state: 'waiting', message: /"nope" not found/ })
  t.match(after(10, claims), {
    ...over,
    message: /\(ProvisioningFailed\): .*"nope" not found\nMend/,
  })
})

t.test('so does a claim that does not exist, with the words of the scheduler', async t => {
  t.match(after(9.9, [gone]), { state: 'waiting', reason: 'VolumeClaim' })
  t.match(after(10, [gone]), {
    ...over,
    message:
      /no PersistentVolumeClaim shared .*\nKubernetes says \(Unschedulable\): 0\/1 nodes.*\n.*claimName/,
  })
})

t.test('the claim of an ephemeral volume may be made yet', async t => {
  const yet = { ...claim({}), object: undefined }
  t.match(after(800, [yet]), { state: 'waiting', reason: 'Unschedulable' })
})

t.test('a claim that has lost its volume ends it after ten seconds', async t => {
  t.match(after(10, [claim({ phase: 'Lost' })]), { ...over, message: /is Lost/ })
})

t.test('what may pass is told and waited for', async t => {
  const failed = event('ProvisioningFailed', 'rpc error: the cloud is busy')
  t.match(after(800, [claim({ storageClassName: 'ssd', events: [failed] })]), {
    state: 'waiting',
    reason: 'VolumeClaim',
    message: /the cloud is busy[^]*tries again/,
  })
  t.match(after(800, [claim({ storageClassName: '', events: [noClass] })]), {
    state: 'waiting',
    reason: 'VolumeClaim',
    message: /made by hand/,
  })
})

t.test('the newest event counts', async t => {
  const later = '2026-01-01T00:00:05Z'
  const going = event('Provisioning', 'External provisioner is provisioning volume', later)
  t.match(after(60, [claim({ events: [going, wrongClass] })]), { reason: 'Unschedulable' })
  const again = event('ProvisioningFailed', wrongClass.message ?? '', '2026-01-01T00:00:06Z')
  t.match(after(60, [claim({ events: [again, going, wrongClass] })]), over)
})

t.test('events of an earlier claim of that name, and of a pod, say nothing', async t => {
  const other = { ...noClass, involvedObject: { kind: 'PersistentVolumeClaim', uid: 'u0' } }
  const ofPod = { ...noClass, involvedObject: { kind: 'Pod' } }
  t.match(after(60, [claim({ events: [other, ofPod] })]), { reason: 'Unschedulable' })
})

t.test(
  'a claim that is bound, or has nothing said of it, is not what the pod waits for',
  async t => {
    const claims = [claim({ phase: 'Bound', events: [noClass] }), claim({})]
    t.match(after(800, claims), { state: 'waiting', reason: 'Unschedulable' })
  },
)

t.test('of several claims the most hopeless one is told', async t => {
  const failed = event('ProvisioningFailed', 'rpc error: the cloud is busy')
  const claims = [claim({ storageClassName: 'ssd', events: [failed] }), gone]
  t.match(after(12, claims), { ...over, message: /Volume cache/ })
})

t.test('without a look at the claims the pod is unschedulable, as any other', async t => {
  t.match(after(800, []), { state: 'waiting', reason: 'Unschedulable' })
})
