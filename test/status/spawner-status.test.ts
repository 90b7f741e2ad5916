import type { V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import type { SlotState } from '../../lib/slots/slot-state.js'
import {
  SpawnerStatus,
  type ReportedRun,
  type StatusParts,
} from '../../lib/status/spawner-status.js'
import { statusPage } from '../../lib/status/page.js'
import { metricsOf } from '../metrics/samples.js'

const now = Date.parse('2026-11-21T21:00:00Z')
const secrets = ['bkua_the-agent-token', 'the-job-token', 'hunter2-of-the-env', 'the-runs-secret']

function pod(name: string, scheduled = true): V1Pod {
  const status = scheduled ? 'True' : 'False'
  const condition = { type: 'PodScheduled', status, lastTransitionTime: new Date(now - 5_000) }
  return {
    metadata: { name, annotations: { secret: secrets[2] ?? '' } },
    spec: { nodeName: scheduled ? 'node-1' : undefined, containers: [] },
    status: { conditions: [condition] },
  }
}

/** A run as `lib/run` has it, with all that must not be told of it. */
function run(n: number, given: Partial<ReportedRun> = {}): ReportedRun {
  const made = {
    jobId: `job-${n}`,
    jobName: `buildkite-job-${n}`,
    buildUrl: `https://buildkite.com/acme/web/builds/${n}`,
    label: `Step ${n}`,
    secret: secrets[3],
    payload: {
      id: `job-${n}`,
      token: secrets[1],
      env: { BUILDKITE_PIPELINE_SLUG: 'web', PASSWORD: secrets[2] as string },
    },
    times: { acceptedAt: now - 60_000 },
    jobCreated: false,
    over: false,
    podCalledAt: undefined,
    ending: undefined,
    options: { token: secrets[0] },
    ...given,
  }
  return made
}

function statusOf(given: Partial<StatusParts> = {}) {
  const { metrics, sample, time } = metricsOf()
  const status = new SpawnerStatus({
    instance: 'main',
    now: () => now,
    metrics,
    state: () => 'leading',
    stopping: () => false,
    left: () => false,
    leaseHeld: () => true,
    slots: () =>
      (['busy', 'idle', 'pinging'] as SlotState[]).map(state => ({ state, token: secrets[0] })),
    unusable: () => undefined,
    runs: () => [],
    podOf: () => undefined,
    waitingFor: () => undefined,
    freshness: () => [{ watch: 'pods', lastFresh: now - 2_000 }],
    ledgerPages: () => 2,
    heldCalls: () => 0,
    ...given,
  })
  return { status, metrics, sample, time }
}

t.test(
  'the snapshot says what runs, where, and what it waits for; the longest come first',
  async t => {
    const times = { acceptedAt: now - 60_000, jobCreatedAt: now - 59_000 }
    const { status } = statusOf({
      runs: () => [
        run(1, { times: { ...times, connectedAt: now - 4_000, startedAt: now - 3_000 } }),
        run(2, { times }),
      ],
      podOf: jobId => (jobId === 'job-1' ? pod('pod-1') : pod('pod-2', false)),
      waitingFor: jobId => (jobId === 'job-1' ? undefined : `what ${jobId} waits for`),
    })
    t.match(status.snapshot(), {
      instance: 'main',
      state: 'leading',
      slots: { busy: 1, idle: 1, pinging: 1, down: 0, stopped: 0 },
      warnings: [],
      watches: [{ watch: 'pods', ageSeconds: 2 }],
      ledger: { pages: 2 },
      runs: [
        {
          ...{
            jobId: 'job-2',
            phase: 'unscheduled',
            since: new Date(now - 59_000),
            podName: 'pod-2',
          },
          ...{
            node: undefined,
            waitingFor: 'what job-2 waits for',
            pipeline: 'web',
            label: 'Step 2',
          },
        },
        {
          ...{ jobId: 'job-1', phase: 'running', since: new Date(now - 3_000), podName: 'pod-1' },
          ...{ node: 'node-1', waitingFor: undefined },
        },
      ],
    })
  },
)

t.test('neither page nor JSON nor metrics hold a token or a job’s env', async t => {
  const one = run(1)
  const ended = run(2, { ending: { by: 'pod', exitStatus: 0 } })
  const { status, metrics } = statusOf({ runs: () => [one], podOf: () => pod('pod-1') })
  status.runEnded(ended)
  const snapshot = status.snapshot()
  t.equal(snapshot.runs.length + snapshot.ended.length, 2)
  const told = [JSON.stringify(snapshot), statusPage(snapshot), await metrics.text()]
  for (const text of told) for (const secret of secrets) t.notOk(text.includes(secret), secret)
})

t.test('the last twenty runs are remembered, and all are counted', async t => {
  const { status, sample } = statusOf()
  for (let n = 1; n <= 25; n++) {
    const times = { acceptedAt: now - 60_000, endedAt: now - 1_000 }
    status.runEnded(run(n, { times, ending: { by: 'pod', exitStatus: n === 25 ? 3 : 0 } }))
  }
  status.runEnded(run(26))
  const { ended } = status.snapshot()
  t.equal(ended.length, 20)
  t.match(ended[0], { jobId: 'job-25', cause: 'Failed', fault: 'job', exitStatus: 3, seconds: 59 })
  t.equal(await sample('runs_ended_total{cause="Passed",fault="none",ended_by="pod"}'), 24)
  t.equal(await sample('runs_ended_total{cause="Failed",fault="job",ended_by="pod"}'), 1)
})

t.test('the gauges read what the page shows', async t => {
  const { sample } = statusOf({ runs: () => [run(1), run(2)], heldCalls: () => 4 })
  t.equal(await sample('slots{state="busy"}'), 1)
  t.equal(await sample('runs_open{phase="accepted"}'), 2)
  t.equal(await sample('leading'), 1)
  t.equal(await sample('gateway_held_calls'), 4)
})

t.test('what the command of a run waits for is told also when its agent runs', async t => {
  const times = { acceptedAt: now - 60_000, startedAt: now - 3_000 }
  const waitingFor = () => 'an image that is being pulled again'
  const { status } = statusOf({
    runs: () => [run(1, { times }), run(2, { times, over: true })],
    waitingFor,
  })
  const told = status.snapshot().runs.map(({ phase, waitingFor: what }) => [phase, what])
  t.same(told.toSorted(), [
    ['ending', undefined],
    ['running', waitingFor()],
  ])
})

t.test('what was left to the next process is told by that one alone', async t => {
  const { status, sample } = statusOf({ runs: () => [run(1)], left: () => true })
  for (const gauge of ['slots{state="busy"}', 'runs_open{phase="accepted"}', 'leading'])
    t.equal(await sample(gauge), 0, gauge)
  t.equal(await sample('ledger_pages'), 0)
  t.match(status.snapshot(), { runs: [], slots: { busy: 0, idle: 0, pinging: 0 } })
})

t.test('a scrape has as many series with a thousand runs as with one', async t => {
  const series = async (count: number) => {
    const all = Array.from({ length: count }, (_, n) => run(n))
    const { status, metrics } = statusOf({ runs: () => all })
    for (const one of all) status.runEnded({ ...one, ending: { by: 'pod', exitStatus: 1 } })
    return (await metrics.text()).split('\n').length
  }
  const few = await series(1)
  t.equal(await series(1_000), few)
  t.ok(few < 1_500, `${few} lines`)
})

t.test('who leads and since when follows from the lease', async t => {
  const parts = { is: 'standby' as 'standby' | 'leading', stopping: false }
  const { status, metrics } = statusOf({ state: () => parts.is, stopping: () => parts.stopping })
  t.match(status.snapshot(), { state: 'standby', since: new Date(now) })
  metrics.lease.taken()
  parts.is = 'leading'
  t.match(status.snapshot(), { state: 'leading', since: new Date('2026-11-21T21:00:00Z') })
  parts.stopping = true
  t.match(status.snapshot(), { state: 'stopping' })
})

t.test('what a person should look at is said in words', async t => {
  const { status } = statusOf({
    leaseHeld: () => false,
    unusable: () => 'no slot can be used: no job is taken',
    freshness: () => [
      { watch: 'pods', lastFresh: now - 182_000 },
      { watch: 'jobs', lastFresh: 0 },
    ],
    heldCalls: () => 7,
  })
  t.same(status.snapshot().warnings, [
    'The lease may be over: nothing is written to Kubernetes or to Buildkite until it is renewed.',
    'What is known of pods is 3 min 2 s old.',
    'No slot can be used: no job is taken.',
    '7 calls of pods wait for Buildkite or for the lease.',
  ])
  t.same(
    statusOf({ state: () => 'standby', leaseHeld: () => false }).status.snapshot().warnings,
    [],
  )
})
