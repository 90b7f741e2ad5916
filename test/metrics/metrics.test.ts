import { readFileSync } from 'node:fs'
import { register } from 'prom-client'
import t from 'tap'
import { Metrics } from '../../lib/metrics/metrics.js'
import type { OpenPhase } from '../../lib/metrics/phases.js'
import { causeOf, type RunEnding } from '../../lib/metrics/runs.js'
import { metricsOf } from './samples.js'

t.test(
  'docs/metrics.md has each metric with its type, labels and meaning, and no other',
  async t => {
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
    const rows = page
      .split('\n')
      .map(line => line.split('|').map(cell => cell.trim()))
      .filter(([, name]) => /^`job_spawner_\w+`$/.test(name ?? ''))
      .map(([, name, type, labels, help]) => [name, type, labels, help])
    const { metrics } = metricsOf()
    t.same(
      rows,
      metrics
        .described()
        .map(({ name, type, labels, help }) => [
          `\`${name}\``,
          type,
          labels.map(label => `\`${label}\``).join(', '),
          help,
        ]),
    )
  },
)

t.test("names follow Prometheus' conventions", async t => {
  for (const { name, type, help } of metricsOf().metrics.described()) {
    t.match(name, /^job_spawner_[a-z_]+$/)
    t.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`)
    t.notMatch(name, /(_ms|milliseconds|_minutes|_count|_sum|_bucket)$/)
    t.match(help, /^\S.*\.$/, name)
  }
})

t.test("the registry is the program's own, and each program has one", async t => {
  const [first, second] = [metricsOf(), metricsOf()]
  first.metrics.ledger.conflict()
  t.equal(await first.sample('ledger_conflicts_total'), 1)
  t.equal(await second.sample('ledger_conflicts_total'), 0)
  t.same(register.getMetricsAsArray(), [])
})

t.test("the process's own metrics are in it", async t => {
  const text = await new Metrics().text()
  for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_p99_seconds'])
    t.match(text, new RegExp(`^${name} `, 'm'))
})

t.test('what can be counted is there from the start, with 0', async t => {
  const { sample } = metricsOf()
  for (const line of [
    'runs_ended_total{cause="OOMKilled",fault="job",ended_by="pod"}',
    'runs_ended_total{cause="NodeLost",fault="cluster",ended_by="spawner"}',
    'runs_ended_total{cause="Passed",fault="none",ended_by="pod"}',
    'runs_ended_total{cause="JobCancelled",fault="none",ended_by="pod"}',
    'runs_ended_total{cause="JobNotRun",fault="cluster",ended_by="spawner"}',
    'runs_ended_total{cause="LedgerRefused",fault="cluster",ended_by="upstream"}',
    'run_phase_duration_seconds_count{phase="unscheduled"}',
    'pings_total{outcome="refused"}',
    'gateway_requests_total{action="chunk",status="5xx"}',
    'gateway_refused_calls_total{action="unknown"}',
    'upstream_requests_total{call="finish",status="none"}',
    'upstream_retries_total{call="accept"}',
    'kubernetes_requests_total{verb="create",resource="jobs",status="5xx"}',
    'ledger_writes_total{outcome="failed"}',
    'ledger_conflicts_total',
    'lease_take_overs_total',
  ])
    t.equal(await sample(line), 0, line)
})

t.test('the cause of an end is one word', async t => {
  const cases: [RunEnding, string][] = [
    [{ by: 'pod', exitStatus: 0 }, 'Passed none'],
    [{ by: 'pod', exitStatus: 7 }, 'Failed job'],
    [{ by: 'pod', exitStatus: undefined }, 'Failed job'],
    [{ by: 'pod', exitStatus: 137, cause: 'OOMKilled', fault: 'job' }, 'OOMKilled job'],
    [{ by: 'spawner', exitStatus: -1, cause: 'NodeLost', fault: 'cluster' }, 'NodeLost cluster'],
    [{ by: 'spawner', exitStatus: -1, cause: 'JobDeleted' }, 'JobDeleted cluster'],
    [{ by: 'spawner', exitStatus: -1, cause: 'JobCancelled' }, 'JobCancelled none'],
    [{ by: 'spawner', exitStatus: -1, cause: 'job not run', fault: 'job' }, 'JobNotRun job'],
    [{ by: 'pod', exitStatus: -1, cause: 'JobTimedOut' }, 'JobTimedOut none'],
    [
      { by: 'upstream', exitStatus: undefined, cause: 'not in the ledger' },
      'LedgerRefused cluster',
    ],
    [{ by: 'spawner', exitStatus: -1, cause: 'a token=secret' }, 'Other none'],
    [{ by: 'upstream', exitStatus: undefined, cause: 'finish refused: 422' }, 'EndedUpstream none'],
  ]
  for (const [ending, wanted] of cases) {
    const { cause, fault } = causeOf(ending)
    t.equal(`${cause} ${fault}`, wanted)
  }
})

t.test('an ended run is counted by cause, and its phases are measured', async t => {
  const { metrics, sample } = metricsOf()
  const times = {
    acceptedAt: 0,
    jobCreatedAt: 400,
    connectedAt: 3_000,
    startedAt: 3_100,
    endedAt: 9_000,
  }
  metrics.runs.ended({ ending: { by: 'pod', exitStatus: 0 }, times, pod: undefined })
  t.equal(await sample('runs_ended_total{cause="Passed",fault="none",ended_by="pod"}'), 1)
  t.equal(await sample('run_phase_duration_seconds_count{phase="accepted"}'), 1)
  t.equal(await sample('run_phase_duration_seconds_sum{phase="running"}'), 5.9)
  t.equal(await sample('run_phase_duration_seconds_count{phase="unscheduled"}'), 0)
  t.equal(await sample('run_duration_seconds_sum'), 9)
})

t.test('no cluster can fill our memory with new causes', async t => {
  const { metrics, sample } = metricsOf()
  const ended = (cause: string) =>
    metrics.runs.ended({
      ending: { by: 'spawner', exitStatus: -1, cause },
      times: { acceptedAt: 0 },
      pod: undefined,
    })
  for (let n = 0; n < 1_000; n++) ended(`Invented${n}`)
  ended('OOMKilled')
  const lines = (await metrics.text())
    .split('\n')
    .filter(line => line.includes('runs_ended_total{'))
  t.ok(lines.length < 220, `${lines.length} lines`)
  const others = await sample('runs_ended_total{cause="Other",fault="none",ended_by="spawner"}')
  t.ok((others ?? 0) > 800, `${others} others`)
  t.equal(await sample('runs_ended_total{cause="OOMKilled",fault="job",ended_by="spawner"}'), 1)
})

t.test('what is so now is read when somebody asks', async t => {
  const { metrics, sample, time } = metricsOf()
  t.equal(await sample('lease_held'), undefined, 'nothing is claimed of what nobody reads yet')
  const now = {
    held: true,
    slots: ['busy', 'busy', 'down'] as const,
    phases: ['running'] as OpenPhase[],
  }
  metrics.readFrom({
    slots: () => now.slots.map(state => ({ state })),
    runPhases: () => now.phases,
    leaseHeld: () => now.held,
    leading: () => now.held,
    heldCalls: () => 3,
    ledgerPages: () => 2,
    freshness: () => [
      { watch: 'pods', lastFresh: time.wall - 1_500 },
      { watch: 'jobs', lastFresh: 0 },
    ],
  })
  t.equal(await sample('slots{state="busy"}'), 2)
  t.equal(await sample('slots{state="idle"}'), 0)
  t.equal(await sample('runs_open{phase="running"}'), 1)
  t.equal(await sample('lease_held'), 1)
  t.equal(await sample('leading'), 1)
  t.equal(await sample('gateway_held_calls'), 3)
  t.equal(await sample('ledger_pages'), 2)
  t.equal(await sample('watch_age_seconds{watch="pods"}'), 1.5)
  t.equal(await sample('watch_age_seconds{watch="jobs"}'), undefined)
  Object.assign(now, { held: false, phases: ['ending'] })
  t.equal(await sample('lease_held'), 0)
  t.equal(await sample('runs_open{phase="running"}'), 0)
  t.equal(await sample('runs_open{phase="ending"}'), 1)
})

t.test("the lease's age grows until it is renewed, and a standby has none", async t => {
  const { metrics, sample, time } = metricsOf()
  t.equal(await sample('lease_renewal_age_seconds'), undefined)
  metrics.lease.taken()
  metrics.lease.renewed()
  time.now += 4_000
  t.equal(await sample('lease_renewal_age_seconds'), 4)
  t.equal(await sample('lease_take_overs_total'), 1)
  t.equal(metrics.lease.takenAt, time.wall)
})

t.test('those who ask at the same time get the same answer', async t => {
  const { metrics } = metricsOf()
  let reads = 0
  const none = () => []
  metrics.readFrom({
    slots: () => (reads++, []),
    ...{ runPhases: none, freshness: none, leaseHeld: () => true, leading: () => true },
    ...{ heldCalls: () => 0, ledgerPages: () => 0 },
  })
  const [first, second] = await Promise.all([metrics.text(), metrics.text()])
  t.equal(first, second)
  t.equal(reads, 1)
  await metrics.text()
  t.equal(reads, 2)
})
