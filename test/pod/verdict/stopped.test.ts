import type { V1Job, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { stopReason } from '../../../lib/pod/verdict/stopped.js'

const alive: V1Pod = { metadata: { name: 'p' }, status: { phase: 'Running' } }

function jobWith(type: string, reason: string): V1Job {
  const condition = { type, status: 'True', reason, message: 'Job was active too long' }
  return { status: { conditions: [condition] } }
}

function podWith(type: string): V1Pod {
  const condition = { type, status: 'True', reason: 'PreemptionByScheduler', message: 'preempting' }
  return { ...alive, status: { phase: 'Running', conditions: [condition] } }
}

t.test('a deadline is named as soon as the Job has it as its target', async t => {
  for (const type of ['FailureTarget', 'Failed']) {
    const found = stopReason({ pod: alive, job: jobWith(type, 'DeadlineExceeded') })
    t.match(found, { cause: 'DeadlineExceeded', message: /Job was active too long/ }, type)
  }
})

t.test('what took the pod away is named with its words', async t => {
  const found = stopReason({ pod: podWith('DisruptionTarget'), job: undefined })
  t.match(found, { cause: 'PreemptionByScheduler', message: /preempting/ })
})

t.test('a pod that somebody deleted, or that is gone, was deleted', async t => {
  const deleted = { ...alive, metadata: { deletionTimestamp: new Date(0) } }
  for (const pod of [deleted, undefined]) {
    t.match(stopReason({ pod, job: undefined }), { cause: 'PodDeleted' })
  }
})

t.test('nothing is concluded of a pod that the cluster leaves alone', async t => {
  const other = jobWith('Failed', 'BackoffLimitExceeded')
  t.equal(stopReason({ pod: alive, job: undefined }), undefined)
  t.equal(stopReason({ pod: podWith('Ready'), job: other }), undefined)
})
