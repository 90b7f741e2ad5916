import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import { phaseNow, phasesOf } from '../../lib/metrics/phases.js'

const at = (seconds: number) => Date.parse('2026-11-21T21:00:00Z') + seconds * 1_000
const date = (seconds: number) => new Date(at(seconds))

function podOf(
  scheduled: number | undefined,
  containers: V1ContainerStatus['state'][] = [],
): V1Pod {
  return {
    spec: { containers: containers.map((_, n) => ({ name: `c${n}` })) },
    status: {
      conditions: [
        scheduled === undefined
          ? { type: 'PodScheduled', status: 'False', lastTransitionTime: date(1) }
          : { type: 'PodScheduled', status: 'True', lastTransitionTime: date(scheduled) },
      ],
      containerStatuses: containers.map((state, n) => ({
        name: `c${n}`,
        image: 'x',
        imageID: '',
        ready: false,
        restartCount: 0,
        state,
      })),
    },
  }
}

const whole = {
  acceptedAt: at(0),
  jobCreatedAt: at(0.4),
  connectedAt: at(5.5),
  startedAt: at(6),
  endedAt: at(66),
}

t.test('the phases of a run follow each other and make up the whole', async t => {
  const pod = podOf(2, [
    { running: { startedAt: date(4) } },
    { terminated: { exitCode: 0, startedAt: date(7) } },
  ])
  const { phases, containers, whole: all } = phasesOf(whole, pod)
  t.same(phases, { accepted: 0.4, unscheduled: 1.6, preparing: 3.5, connected: 0.5, running: 60 })
  t.equal(containers, 5)
  t.equal(all, 66)
  t.equal(
    Object.values(phases).reduce((sum, one) => sum + one, 0),
    all,
  )
})

t.test('times that a watch delivers as text count as well', async t => {
  const pod = JSON.parse(JSON.stringify(podOf(2, [{ running: { startedAt: date(4) } }]))) as V1Pod
  t.match(phasesOf(whole, pod), { phases: { unscheduled: 1.6 }, containers: 2 })
})

t.test("another machine's clock makes no phase last less than nothing", async t => {
  t.equal(phasesOf(whole, podOf(0)).phases.unscheduled, 0)
})

t.test('a phase whose end or beginning nobody saw is left out', async t => {
  t.same(phasesOf({ acceptedAt: at(0), endedAt: at(900) }, undefined), {
    phases: {},
    containers: undefined,
    whole: 900,
  })
  const pending = { acceptedAt: at(0), jobCreatedAt: at(1), endedAt: at(900) }
  t.same(phasesOf(pending, podOf(undefined)).phases, { accepted: 1 })
})

t.test('containers have started when the last of them has', async t => {
  const started = { running: { startedAt: date(4) } }
  t.equal(
    phasesOf(whole, podOf(2, [started, { waiting: { reason: 'Pulling' } }])).containers,
    undefined,
  )
  t.equal(phasesOf(whole, podOf(2, [started, {}])).containers, undefined)
  // The kubelet's words for one that never ran: the beginning of time.
  const never = { terminated: { exitCode: 137, startedAt: new Date('0001-01-01T00:00:00Z') } }
  t.equal(phasesOf(whole, podOf(2, [started, never])).containers, undefined)
})

t.test('where a run is now follows from what it has reached', async t => {
  const none = { jobMade: false, over: false, pod: undefined, podCalled: false }
  const { acceptedAt, jobCreatedAt, connectedAt, startedAt } = whole
  t.same(phaseNow({ acceptedAt }, none), { phase: 'accepted', since: at(0) })
  t.same(phaseNow({ acceptedAt, jobCreatedAt }, none), { phase: 'unscheduled', since: at(0.4) })
  const made = { acceptedAt, jobCreatedAt }
  t.match(phaseNow(made, { ...none, pod: podOf(undefined) }), { phase: 'unscheduled' })
  const placed = { ...none, pod: podOf(2) }
  t.same(phaseNow(made, placed), { phase: 'preparing', since: at(2) })
  t.same(phaseNow({ ...made, connectedAt }, placed), { phase: 'connected', since: at(5.5) })
  t.same(phaseNow({ ...made, connectedAt, startedAt }, placed), { phase: 'running', since: at(6) })
  t.match(phaseNow({ ...made, connectedAt, startedAt }, { ...placed, over: true }), {
    phase: 'ending',
  })
})

t.test('a run that an earlier process took runs once its pod has called', async t => {
  const times = { acceptedAt: at(0) }
  const seen = { jobMade: true, over: false, pod: podOf(2), podCalled: true }
  t.same(phaseNow(times, seen), { phase: 'running', since: at(2) })
})

t.test('a pending run that an earlier process took waits for a node, not for its Job', async t => {
  const times = { acceptedAt: at(0) }
  const seen = { jobMade: true, over: false, podCalled: false }
  t.same(phaseNow(times, { ...seen, pod: undefined }), { phase: 'unscheduled', since: at(0) })
  const pod = { ...podOf(undefined), metadata: { creationTimestamp: date(1) } }
  t.same(phaseNow(times, { ...seen, pod }), { phase: 'unscheduled', since: at(1) })
})
