import t from 'tap'
import { silentLog } from '../../lib/log.js'
import { clusterStopReason, wasStopped } from '../../lib/run/stop-reason.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { until } from '../cluster-client/loopback.js'
import { FakeCluster, name } from './run-of.js'

function asking(cluster: FakeCluster) {
  const clock = new HandClock()
  const found = clusterStopReason(name, { cluster: cluster.asCluster, clock, log: silentLog() })
  return { clock, found }
}

t.test('only a finish that says agent_stop is asked about', async t => {
  t.ok(wasStopped({ exit_status: '-1', signal_reason: 'agent_stop' }))
  t.notOk(wasStopped({ exit_status: '-1', signal_reason: 'cancel' }))
  t.notOk(wasStopped({ exit_status: '1' }))
})

t.test('the Job and its pod say why', async t => {
  const cluster = new FakeCluster()
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }
  cluster.pods = [{ status: { conditions: [condition] } }]
  const { clock, found } = asking(cluster)
  t.match(await found, { cause: 'EvictionByEvictionAPI' })
  t.equal(clock.sleeping, 0, 'nothing is left waiting')
})

t.test('a cluster that does not answer is not waited for: the pod waits for us', async t => {
  const cluster = new FakeCluster()
  cluster.podsOfJob = () => new Promise(() => {})
  const { clock, found } = asking(cluster)
  await until(() => clock.sleeping === 1)
  clock.advance(3_000)
  t.equal(await found, undefined)
})

t.test(
  'a cluster that refuses is no reason to fail, and neither is one that does so late',
  async t => {
    const cluster = new FakeCluster()
    let refuse = (_: Error) => {}
    cluster.podsOfJob = () => Promise.reject(new Error('no'))
    t.equal(await asking(cluster).found, undefined)
    cluster.podsOfJob = () => new Promise((_, reject) => (refuse = reject))
    const late = asking(cluster)
    await until(() => late.clock.sleeping === 1)
    late.clock.advance(3_000)
    t.equal(await late.found, undefined)
    refuse(new Error('late'))
    await new Promise(resolve => setImmediate(resolve))
  },
)
