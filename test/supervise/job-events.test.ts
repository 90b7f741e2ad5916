import t from 'tap'
import { jobEndEvent, type JobEnd } from '../../lib/supervise/job-events.js'

const end: JobEnd = {
  namespace: 'jobs',
  jobName: 'buildkite-1',
  jobUid: 'uid-1',
  by: 'pod',
  exitStatus: 0,
  cause: undefined,
  fault: undefined,
  message: undefined,
  now: 1_000_000,
}

t.test('a run that its pod has finished is Normal, whatever its exit status', async t => {
  t.match(jobEndEvent({ ...end, exitStatus: 1 }), {
    metadata: { name: 'buildkite-1.f4240', namespace: 'jobs' },
    involvedObject: { kind: 'Job', apiVersion: 'batch/v1', name: 'buildkite-1', uid: 'uid-1' },
    type: 'Normal',
    reason: 'Finished',
    message: 'The Buildkite job has finished with exit status 1.',
    reportingComponent: 'job-spawner',
    lastTimestamp: new Date(1_000_000),
  })
})

t.test('a cause is a Warning, and its reason', async t => {
  const event = jobEndEvent({
    ...{ ...end, by: 'spawner', exitStatus: -1, cause: 'NodeLost', fault: 'cluster' },
    message: 'The node is lost.',
  })
  t.match(event, { type: 'Warning', reason: 'NodeLost', message: /cluster's fault.*node is lost/ })
})

t.test("what is no word is no reason, and what upstream says is upstream's", async t => {
  const event = jobEndEvent({ ...end, by: 'upstream', cause: 'the job is canceled' })
  t.match(event, { type: 'Warning', reason: 'Finished', message: /the job is canceled/ })
})

t.test('a message is no longer than the API server takes', async t => {
  const { message = '' } = jobEndEvent({ ...end, cause: 'X', message: 'x'.repeat(5_000) })
  t.equal(message.length, 1_024)
})
