import t from 'tap'
import { until } from '../cluster-client/loopback.js'
import { scripted, type Said } from '../upstream/scripted.js'
import { gatewayOf } from './gateway-of.js'

const chunk = { token: 'job', body: Buffer.from('hello') }
const query = '?sequence=1&offset=0&size=5'

t.test('each proved call of a pod is told to its run, and no other', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call, job, run } = await gatewayOf(t, upstream.endpoint)
  await call('POST', '/v3/heartbeat', { token: 'session', json: { sent_at: 'x' } })
  await call('GET', job, { token: 'job' })
  t.equal(run.calls, 2)
  await until(() => run.answered === 2)
  await call('GET', job, { token: 'Token forged' })
  await call('GET', job, { token: 'session' })
  t.equal(run.calls, 2)
})

t.test('while a pod sends a chunk or its finish it writes, also when it is held', async t => {
  let answer = (_said: Said) => {}
  const upstream = await scripted(t, () => new Promise<Said>(resolve => (answer = resolve)))
  const { call, job, run } = await gatewayOf(t, upstream.endpoint)
  const sent = call('POST', `${job}/chunks${query}`, chunk)
  await until(() => upstream.got.length === 1)
  t.same([...run.writing], [`/jobs/${run.jobId}/chunks${query}`])
  answer({})
  await sent
  t.equal(run.writing.size, 0)
  t.equal(run.comesAgain.size, 0)
  const finish = call('PUT', `${job}/finish`, { token: 'job', json: { exit_status: '0' } })
  await finish
  t.equal(run.writing.size, 0)
})

t.test('what is turned away comes again, what is refused does not', async t => {
  let said: Said = { status: 413 }
  const upstream = await scripted(t, () => said)
  const { call, job, run } = await gatewayOf(t, upstream.endpoint)
  await call('POST', `${job}/chunks?sequence=2&offset=5&size=5`, chunk)
  t.equal(run.comesAgain.size, 0)
  said = { status: 503 }
  t.equal((await call('POST', `${job}/chunks${query}`, chunk)).status, 503)
  run.outcome = { state: 'passing' }
  await call('PUT', `${job}/finish`, { token: 'job', json: { exit_status: '0' } })
  t.same([...run.comesAgain], [`/jobs/${run.jobId}/chunks${query}`, `/jobs/${run.jobId}/finish`])
  t.equal(run.writing.size, 0)
})

t.test('a pod whose call is not answered yet is there', async t => {
  let answer = (_said: Said) => {}
  const upstream = await scripted(t, () => new Promise<Said>(resolve => (answer = resolve)))
  const { call, job, run } = await gatewayOf(t, upstream.endpoint)
  const asked = call('GET', job, { token: 'job' })
  await until(() => upstream.got.length === 1)
  t.same([run.calls, run.answered], [1, 0])
  answer({ json: { state: 'running' } })
  await asked
  await until(() => run.answered === 1)
})
