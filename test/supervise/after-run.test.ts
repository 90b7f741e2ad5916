import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { afterRun, holdMs } from '../../lib/supervise/after-run.js'
import { jobOf, podOf, statusOf } from './cluster-of.js'

const endedAt = 100_000
const running = { running: {} }

function pod(
  agent: Parameters<typeof podOf>[1],
  given: { grace?: number; hold?: string } = {},
): V1Pod {
  const { grace, hold } = given
  const made = podOf('job-1', agent)
  const led = { name: 'container-0', env: [{ name: 'BUILDKITE_CONTAINER_ID', value: '0' }] }
  return {
    metadata: { ...made.metadata, annotations: hold ? { 'job-spawner/hold-seconds': hold } : {} },
    spec: { containers: [led], terminationGracePeriodSeconds: grace },
    status: {
      phase: 'Running',
      containerStatuses: [
        ...(made.status?.containerStatuses ?? []),
        statusOf('container-0', running),
      ],
    },
  }
}

/** When the Job is ended, in seconds after the run; undefined for never. */
function endsAfter(what: V1Pod | undefined, job = jobOf('job-1')): number | undefined {
  for (let now = endedAt; now < endedAt + 3_600_000; now += 1_000) {
    const word = afterRun({ pod: what, job, endedAt, now })
    if (word === 'done') return undefined
    if (word === 'end') return (now - endedAt) / 1_000
  }
  return Infinity
}

const agentEnded = { terminated: { exitCode: 0, finishedAt: new Date(endedAt) } }

t.test('a pod is left the time that it needs', async t => {
  t.equal(endsAfter(pod(agentEnded)), 15, 'a sidecar hangs')
  const early = { terminated: { exitCode: 0, finishedAt: new Date(endedAt - 300_000) } }
  t.equal(endsAfter(pod(early)), 15, 'by whatever clock of its node')
  t.equal(endsAfter(pod(running)), 60, 'the usual grace, and half a minute')
  t.equal(endsAfter(pod(running, { grace: 300 })), 330)
  t.equal(endsAfter(undefined), 15, 'a Job that makes no pod')
})

t.test('what is gone, or on its way out, is left alone', async t => {
  t.equal(endsAfter(undefined, jobOf('job-1', { type: 'Failed' })), undefined)
  for (const phase of ['Succeeded', 'Failed'])
    t.equal(endsAfter({ ...pod(agentEnded), status: { phase } }), undefined)
  const dying = pod(running)
  const metadata = { ...dying.metadata, deletionTimestamp: new Date(endedAt) }
  t.equal(endsAfter({ ...dying, metadata }), undefined)
  t.equal(afterRun({ pod: undefined, job: undefined, endedAt, now: endedAt }), 'done')
})

t.test('a pod that is held for people stays as long as they may look, and no longer', async t => {
  t.equal(endsAfter(pod(agentEnded, { hold: '600' })), 615)
  t.equal(holdMs(pod(agentEnded, { hold: '600' })), 600_000)
  t.equal(holdMs(pod(agentEnded, { hold: 'long' })), 0)
  const over = pod(agentEnded, { hold: '600' })
  Object.assign(over.status ?? {}, { containerStatuses: [statusOf('agent', agentEnded)] })
  t.equal(holdMs(over), 0, 'nothing of it goes on that they could look into')
})
