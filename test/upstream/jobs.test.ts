import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { isProblem } from '../../lib/errors.js'
import { connect, ping, register } from '../../lib/upstream/agents.js'
import {
  accept,
  annotate,
  finish,
  jobPath,
  jobState,
  start,
  uploadChunk,
} from '../../lib/upstream/jobs.js'
import { emulator, token } from '../sandbox/buildkite/client.js'
import { agentAt, connection, failure, jobAt, scripted } from './scripted.js'

const requestHeaders = { 'Buildkite-Shard': '7' }
const finishBody = {
  exit_status: '7',
  finished_at: new Date(0).toISOString(),
  chunks_failed_count: 0,
}

t.test('each call has its method, path, token, headers and body', async t => {
  const accepted = { id: 'job-1', env: {}, chunks_max_size_bytes: 1 }
  const { endpoint, got } = await scripted(t, ({ path }) => ({
    json: path.endsWith('/accept') ? accepted : { state: 'running' },
  }))
  const via = connection(t)
  const job = jobAt(endpoint, { requestHeaders })
  await accept(via, agentAt(endpoint, { requestHeaders }), { jobId: 'job-1' })
  await start(via, job, { startedAt: new Date(0) })
  t.equal(await jobState(via, job), 'running')
  await annotate(via, job, { text: 'why' })
  await finish(via, job, finishBody)
  t.match(got, [
    {
      method: 'PUT',
      path: '/jobs/job-1/accept',
      headers: { authorization: 'Token session-token' },
    },
    {
      method: 'PUT',
      path: '/jobs/job-1/start',
      headers: { authorization: 'Token job-token' },
      json: { started_at: '1970-01-01T00:00:00.000Z' },
    },
    { method: 'GET', path: '/jobs/job-1', headers: { authorization: 'Token job-token' } },
    {
      method: 'POST',
      path: '/jobs/job-1/annotations',
      json: { body: 'why', style: 'error', context: 'job-spawner-job-1' },
    },
    { method: 'PUT', path: '/jobs/job-1/finish', json: finishBody },
  ])
  for (const { headers } of got) t.equal(headers['buildkite-shard'], '7')
})

t.test('a chunk is numbered in uncompressed bytes and sent compressed', async t => {
  const { endpoint, got } = await scripted(t, () => ({ status: 201 }))
  const text = Buffer.from('grüße\r\n'.repeat(100))
  await uploadChunk(connection(t), jobAt(endpoint), { sequence: 3, offset: 42, text })
  const [chunk] = got
  t.match(chunk, {
    method: 'POST',
    path: `/jobs/job-1/chunks?sequence=3&offset=42&size=${text.length}`,
    headers: { 'content-type': 'text/plain', 'content-encoding': 'gzip' },
  })
  t.ok(chunk && gunzipSync(chunk.body).equals(text))
  t.equal(text.length, 900, 'bytes, not characters')
})

t.test('ids can not make another path', async t => {
  t.equal(jobPath('0189-ab'), '/jobs/0189-ab')
  t.equal(jobPath('../x?y#z'), '/jobs/%2E%2E%2Fx%3Fy%23z')
  t.equal(jobPath('a.b c'), '/jobs/a%2Eb%20c')
})

t.test('an accepted job comes as upstream sent it, unknown fields and all', async t => {
  const sent = { id: 'job-1', env: { A: 'a' }, chunks_max_size_bytes: 9, new_field: [1] }
  const { endpoint } = await scripted(t, () => ({ json: sent }))
  t.same(await accept(connection(t), agentAt(endpoint), { jobId: 'job-1' }), sent)
})

t.test('an accept is final with any status, and a problem when it is no job', async t => {
  for (const status of [401, 422, 503]) {
    const { endpoint, got } = await scripted(t, () => ({ status }))
    const error = await failure(accept(connection(t), agentAt(endpoint), { jobId: 'job-1' }))
    t.match(error, { status })
    t.equal(got.length, 1, String(status))
  }
  const secret = 'hunter2'
  const { endpoint } = await scripted(t, () => ({ json: { id: 'job-1', env: { A: [secret] } } }))
  const error = await failure(accept(connection(t), agentAt(endpoint), { jobId: 'job-1' }))
  t.ok(isProblem(error, 'UPSTREAM_INVALID'))
  t.notMatch(JSON.stringify(error), secret)
})

t.test('chunks and finishes bear what passes, and nothing else', async t => {
  for (const [status, attempts] of [
    [503, 3],
    [429, 3],
    [422, 1],
    [401, 1],
  ] as const) {
    let left = 2
    const { endpoint, got } = await scripted(t, () => (left-- > 0 ? { status } : {}))
    await finish(connection(t), jobAt(endpoint), finishBody).catch(() => undefined)
    t.equal(got.length, attempts, `finish ${status}`)
  }
})

t.test('the emulator takes what we send, over the whole life of a job', async t => {
  const upstream = await emulator(t)
  const via = connection(t)
  const { jobs } = upstream.createBuild('steps: [{ command: "true" }]')
  const session = await register(via, {
    endpoint: upstream.endpoint,
    token,
    name: 'ci-1',
    tags: ['queue=default'],
  })
  await connect(via, session)
  const { ping: said } = await ping(via, session)
  const jobId = said.job?.id ?? ''
  t.equal(jobId, jobs[0]?.id)
  const payload = await accept(via, session, { jobId })
  const job = jobAt(upstream.endpoint, { jobId, token: payload.token ?? '' })
  await start(via, job, { startedAt: new Date() })
  await uploadChunk(via, job, { sequence: 1, offset: 0, text: Buffer.from('one\n') })
  await uploadChunk(via, job, { sequence: 2, offset: 4, text: Buffer.from('two\n') })
  t.equal(await jobState(via, job), 'running')
  await annotate(via, job, { text: 'why' })
  await finish(via, job, { ...finishBody, signal_reason: 'agent_stop' })
  t.match(upstream.job(jobId), { state: 'finished', exitStatus: 7, log: 'one\ntwo\n' })
  t.equal(upstream.annotations(upstream.builds()[0]?.id ?? '').length, 1)
  t.same(upstream.violations, [])
})
