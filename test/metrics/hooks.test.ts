import type { ServerResponse } from 'node:http'
import t from 'tap'
import { Transport } from '../../lib/cluster/transport.js'
import { silentLog } from '../../lib/log.js'
import { systemClock } from '../../lib/clock.js'
import { Connection } from '../../lib/upstream/connection.js'
import { policies } from '../../lib/upstream/retry.js'
import { HastyClock } from '../cluster-client/hand-clock.js'
import { kubeConfigOf, loopback, refuse, reply } from '../cluster-client/loopback.js'
import { gatewayOf } from '../gateway/gateway-of.js'
import { FakeSecrets } from '../ledger/fake-secrets.js'
import { ledgerOn, recordOf } from '../ledger/records-in.js'
import { World } from '../lease/world.js'
import { poolOf, untilBy } from '../slots/pool-of.js'
import { nowhere, scripted } from '../upstream/scripted.js'
import { metricsOf } from './samples.js'

// Each room tells the metrics what it does: these tests fail when one stops to.

const registered = {
  ...{ id: 'a', name: 'ci', access_token: 'session' },
  ...{ ping_interval: 10, job_status_interval: 5, heartbeat_interval: 60 },
}

t.test('each ping is counted by what it brought', async t => {
  const { metrics, sample } = metricsOf()
  const answers: object[] = [{ json: {} }, { status: 500 }, { json: { job: { id: 'job-1' } } }]
  let pings = 0
  const { endpoint } = await scripted(t, got => {
    if (got.path === '/register') return { json: registered }
    return got.path === '/ping' ? (answers[pings++] ?? { json: {} }) : {}
  })
  const { pool, clock, works } = poolOf(t, { endpoint, metrics })
  await pool.start()
  await untilBy(clock, () => works.length === 1)
  t.equal(await sample('pings_total{outcome="idle"}'), 1)
  t.equal(await sample('pings_total{outcome="refused"}'), 1)
  t.equal(await sample('pings_total{outcome="job"}'), 1)
  t.equal(await sample('ping_duration_seconds_count'), 3)
})

t.test('each attempt of a call upstream is counted, and so is that it was tried again', async t => {
  const { metrics, sample } = metricsOf()
  let calls = 0
  const { endpoint } = await scripted(t, () => ({ status: calls++ === 0 ? 503 : 200 }))
  const upstream = new Connection({ log: silentLog(), clock: new HastyClock(), metrics })
  t.teardown(() => upstream.dispatcher.destroy())
  const call = { method: 'PUT', path: '/jobs/1/start', token: 'x', requestHeaders: {} } as const
  await upstream.send({ ...call, endpoint }, policies.start)
  t.equal(await sample('upstream_requests_total{call="start",status="5xx"}'), 1)
  t.equal(await sample('upstream_requests_total{call="start",status="2xx"}'), 1)
  t.equal(await sample('upstream_retries_total{call="start"}'), 1)
  t.equal(await sample('upstream_request_duration_seconds_count{call="start"}'), 2)
  t.match(metrics.upstream.health, { failures: 0, failingSince: undefined })
  const once = { ...policies.start, attempts: 1 }
  await t.rejects(upstream.send({ ...call, endpoint: await nowhere() }, once))
  t.equal(await sample('upstream_requests_total{call="start",status="none"}'), 1)
  t.match(metrics.upstream.health, { failures: 1, failingSince: Number })
})

t.test('each call of the Kubernetes API is counted, a watch when it begins', async t => {
  const { metrics, sample } = metricsOf()
  const answer = (
    { path, query }: { path: string; query: Record<string, string> },
    response: ServerResponse,
  ) => {
    if (query['watch']) return response.write('{"type":"BOOKMARK"}\n')
    return path.endsWith('/pods') ? reply(response, 200, {}) : refuse(response, 422)
  }
  const { url } = await loopback(t, answer)
  const transport = new Transport({
    kubeConfig: kubeConfigOf(url),
    log: silentLog(),
    clock: systemClock,
    metrics,
  })
  t.teardown(() => transport.close())
  const pods = '/api/v1/namespaces/ci/pods'
  await transport.json({ method: 'GET', path: pods })
  await t.rejects(
    transport.json({ method: 'POST', path: '/apis/batch/v1/namespaces/ci/jobs', body: {} }),
  )
  const stop = new AbortController()
  await transport.streamLines(pods, { watch: 1 }, stop.signal)
  t.equal(await sample('kubernetes_requests_total{verb="list",resource="pods",status="2xx"}'), 1)
  t.equal(await sample('kubernetes_requests_total{verb="create",resource="jobs",status="4xx"}'), 1)
  t.equal(await sample('kubernetes_requests_total{verb="watch",resource="pods",status="2xx"}'), 1)
  stop.abort()
})

t.test('a write of the ledger is counted with what it carried, and a conflict', async t => {
  const { metrics, sample } = metricsOf()
  const secrets = new FakeSecrets()
  const ledger = ledgerOn(secrets, { metrics })
  await ledger.load()
  await Promise.all([0, 1, 2].map(slot => ledger.put(recordOf(slot, `job-${slot}`))))
  t.equal(await sample('ledger_writes_total{outcome="ok"}'), 1)
  t.equal(await sample('ledger_write_records_sum'), 3)
  t.equal(await sample('ledger_conflicts_total'), 0)
  t.equal(ledger.pageCount, 1)
  secrets.faults = [409]
  await ledger.put(recordOf(0, 'other'))
  t.equal(await sample('ledger_conflicts_total'), 1)
  t.equal(await sample('ledger_write_duration_seconds_count'), 2)
})

t.test('taking the lease and each renewal is told', async t => {
  const { metrics, sample, time } = metricsOf()
  const world = new World()
  const leader = world.member({ metrics }).start()
  await world.until(() => leader.acquired)
  t.equal(await sample('lease_take_overs_total'), 1)
  time.now += 7_000
  t.equal(await sample('lease_renewal_age_seconds'), 7)
  await world.pass(3_000)
  t.equal(await sample('lease_renewal_age_seconds'), 0)
  void leader.elector.release()
  await world.pass(1_000)
})

t.test('calls of pods are counted by what the gateway does with them, probes are not', async t => {
  const { metrics, sample } = metricsOf()
  const upstream = await scripted(t, () => ({ json: { state: 'running' } }))
  const { call, job, gateway } = await gatewayOf(t, upstream.endpoint, { metrics })
  await call('GET', job, { token: 'job' })
  await call('GET', '/healthz')
  await call('POST', '/v3/stop', { token: 'job' })
  await call('GET', '/v3/unheard-of')
  await call('GET', job, { token: 'Token nonsense' })
  // A call is told of when its connection has it, which may be after its pod has the answer.
  while ((await sample('gateway_request_duration_seconds_count{action="state"}')) !== 2);
  t.equal(await sample('gateway_requests_total{action="state",status="2xx"}'), 1)
  t.equal(await sample('gateway_requests_total{action="state",status="4xx"}'), 1)
  t.equal(await sample('gateway_requests_total{action="refuse",status="4xx"}'), 1)
  t.equal(await sample('gateway_requests_total{action="unknown",status="4xx"}'), 1)
  t.equal(await sample('gateway_refused_calls_total{action="refuse"}'), 1)
  t.equal(await sample('gateway_refused_calls_total{action="unknown"}'), 1)
  const all = (await metrics.text())
    .split('\n')
    .filter(line => line.startsWith('job_spawner_gateway_requests_total{'))
  t.equal(
    all.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0),
    4,
  )
  t.equal(gateway.held, 0)
  t.equal(gateway.unready(), undefined)
})
