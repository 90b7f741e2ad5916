import { createHash, randomUUID } from 'node:crypto'
import t from 'tap'
import type { Emulator } from '../../../lib/sandbox/buildkite/server.js'
import { call, connected, emulator, finish, jobCall, running, type Held } from './client.js'

async function oneJob(t: Parameters<typeof emulator>[0], options = {}): Promise<[Emulator, Held]> {
  const upstream = await emulator(t, options)
  upstream.createBuild('[{ command: a, key: k, label: L }]')
  return [upstream, await running(upstream)]
}

t.test('meta-data is set, read and listed, by job and by build', async t => {
  const [upstream, job] = await oneJob(t)
  const { buildId } = upstream.job(job.id)
  const post = (path: string, json: unknown) =>
    jobCall(upstream, job, 'POST', `/data/${path}`, json)
  t.match((await post('exists', { key: 'a' })).body, { exists: false })
  t.equal((await post('get', { key: 'a' })).status, 404)
  t.equal((await post('set', { key: 'a', value: '1' })).status, 200)
  const items = [{ key: 'b', value: '2' }, { key: 'c' }]
  t.equal((await post('set-batch', { items })).status, 422, 'all or nothing')
  t.equal((await post('set-batch', { items: items.slice(0, 1) })).status, 200)
  t.match((await post('get', { key: 'a' })).body, { key: 'a', value: '1' })
  const path = `/builds/${buildId}/data/keys`
  t.equal((await call(upstream, 'POST', path, { token: job.jobToken })).text, '["a","b"]')
  t.same(
    [...upstream.metaData(buildId)],
    [
      ['a', '1'],
      ['b', '2'],
    ],
  )
  t.same(upstream.violations, [])
})

t.test('annotations are made, appended to and removed', async t => {
  const [upstream, job] = await oneJob(t)
  const { buildId } = upstream.job(job.id)
  const annotate = (json: object) => jobCall(upstream, job, 'POST', '/annotations', json)
  await annotate({ body: 'one', context: 'c.d', style: 'info' })
  await annotate({ body: ' two', context: 'c.d', append: true })
  t.match(upstream.annotations(buildId), [{ body: 'one two', style: 'info', context: 'c.d' }])
  t.equal((await jobCall(upstream, job, 'DELETE', '/annotations/c%2Ed?scope=build')).status, 200)
  t.same(upstream.annotations(buildId), [])
})

function announced(content: string, path: string): Record<string, unknown> {
  return {
    id: '',
    path,
    absolute_path: `/build/${path}`,
    glob_path: '*',
    file_size: content.length,
    sha1sum: createHash('sha1').update(content).digest('hex'),
    sha256sum: '',
    job_id: '',
    created_at: '0001-01-01T00:00:00Z',
  }
}

interface Created {
  artifact_ids: string[]
  upload_instructions: {
    action: { url: string; path: string; file_input: string }
    data: Record<string, string>
  }
}

async function upload(made: Created, path: string, content: string): Promise<Response> {
  const { action, data } = made.upload_instructions
  const form = new FormData()
  for (const [name, value] of Object.entries(data)) {
    form.append(name, value.replaceAll('${artifact:path}', path))
  }
  form.append(action.file_input, new Blob([content]), path)
  return fetch(`${action.url}${action.path}`, { method: 'POST', body: form })
}

t.test('an artifact goes up by form and comes down by its url', async t => {
  const [upstream, job] = await oneJob(t)
  const { buildId } = upstream.job(job.id)
  const batch = {
    id: randomUUID(),
    upload_destination: '',
    artifacts: [announced('hello', 'out/a.txt'), announced('x', 'b.bin')],
  }
  const reply = await jobCall(upstream, job, 'POST', '/artifacts', batch)
  const made = reply.body as unknown as Created
  t.same(
    (await jobCall(upstream, job, 'POST', '/artifacts', batch)).body,
    made,
    'a batch sent twice',
  )
  t.equal((await upload(made, 'out/a.txt', 'hello')).status, 201)
  const [id] = made.artifact_ids
  const done = { artifacts: [{ id, state: 'finished' }] }
  t.equal((await jobCall(upstream, job, 'PUT', '/artifacts', done)).status, 200)
  const search = `/builds/${buildId}/artifacts/search?query=out%2F**&state=finished&scope=k`
  const found = JSON.parse((await call(upstream, 'GET', search, { token: job.jobToken })).text) as {
    path: string
    url: string
  }[]
  t.match(found, [{ path: 'out/a.txt', job_id: job.id }])
  t.equal((await call(upstream, 'GET', found[0]?.url ?? '')).text, 'hello')
  t.match(upstream.artifacts(buildId), [{ path: 'out/a.txt', state: 'finished' }, { state: 'new' }])
  t.same(upstream.violations, [])
})

t.test('an artifact that is called finished but was not uploaded is a violation', async t => {
  const [upstream, job] = await oneJob(t)
  const batch = { id: randomUUID(), upload_destination: '', artifacts: [announced('x', 'a')] }
  const made = (await jobCall(upstream, job, 'POST', '/artifacts', batch))
    .body as unknown as Created
  const done = { artifacts: [{ id: made.artifact_ids[0], state: 'finished' }] }
  await jobCall(upstream, job, 'PUT', '/artifacts', done)
  t.match(upstream.violations, [/nothing was uploaded/])
})

t.test('the storage wants no Agent API token, and only what was announced', async t => {
  const [upstream, job] = await oneJob(t)
  const path = `${upstream.url}/storage/upload`
  t.equal((await call(upstream, 'POST', path, { token: job.jobToken, json: {} })).status, 400)
  t.match(upstream.violations, [/with an Agent API token/])
  const form = new FormData()
  form.append('key', 'x/a')
  form.append('file', new Blob(['x']), 'a')
  t.equal((await fetch(path, { method: 'POST', body: form })).status, 403)
})

t.test('an uploaded pipeline adds its steps after the step that uploads, once', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild('[{ command: up }, wait, { command: last }]')
  const session = await connected(upstream)
  const job = await running(upstream, session)
  const uuid = randomUUID()
  const json = { uuid, pipeline: { steps: [{ command: 'new', key: 'n' }], env: { E: '1' } } }
  for (const why of ['first', 'again']) {
    const reply = await jobCall(upstream, job, 'POST', '/pipelines?async=true', json)
    t.equal(reply.status, 202, why)
    t.equal(reply.headers.get('location'), `${upstream.endpoint}/jobs/${job.id}/pipelines/${uuid}`)
    t.ok(reply.headers.get('retry-after'))
  }
  t.match((await jobCall(upstream, job, 'GET', `/pipelines/${uuid}`)).body, { state: 'applied' })
  const jobs = () => upstream.build(id).jobs.map(one => `${one.command} ${one.state}`)
  t.same(jobs(), ['up running', 'new scheduled', 'last pending'])
  t.match(upstream.build(id).jobs[1]?.env, { E: '1' })
  await finish(upstream, job)
  t.same(jobs(), ['up finished', 'new scheduled', 'last pending'])
})

t.test('a pipeline upload that cannot be used is rejected with the reason', async t => {
  const [upstream, job] = await oneJob(t)
  const uploads: [steps: unknown[], reason: RegExp][] = [
    [[{ command: 'b', key: 'k' }], /same key/],
    [[{ command: 'b', depends_on: 'nobody' }], /nobody/],
    [[{ input: 'x' }], /input/],
  ]
  for (const [steps, reason] of uploads) {
    const uuid = randomUUID()
    await jobCall(upstream, job, 'POST', '/pipelines?async=true', { uuid, pipeline: { steps } })
    const status = await jobCall(upstream, job, 'GET', `/pipelines/${uuid}`)
    t.match(status.body, { state: 'rejected', message: reason })
  }
  t.equal(upstream.jobs().length, 1)
})

t.test('replace takes away the steps that have not begun', async t => {
  const upstream = await emulator(t)
  const { id } = upstream.createBuild(
    '[{ command: up }, { command: old }, wait, { command: last }]',
  )
  const job = await running(upstream)
  const json = { uuid: randomUUID(), replace: true, pipeline: { steps: [{ command: 'new' }] } }
  t.equal((await jobCall(upstream, job, 'POST', '/pipelines', json)).status, 200)
  t.same(
    upstream.build(id).jobs.map(one => one.command),
    ['up', 'new'],
  )
})

t.test('a step is read, changed and cancelled', async t => {
  const [upstream, job] = await oneJob(t)
  const { buildId, stepId } = upstream.job(job.id)
  const step = (method: string, path: string, json: object) =>
    call(upstream, method, `/steps/${path}`, { token: job.jobToken, json })
  const get = { attribute: 'label', build_id: buildId }
  t.match((await step('POST', 'k/export', get)).body, { output: 'L' })
  const change = { ...get, idempotency_uuid: randomUUID(), value: '!', append: true }
  await step('PUT', stepId, change)
  await step('PUT', stepId, change)
  t.match((await step('POST', 'k/export', get)).body, { output: 'L!' })
  const cancel = { build_id: buildId, force: false, force_grace_period: 10 }
  t.match((await step('POST', 'k/cancel', cancel)).body, { uuid: stepId })
  t.equal(upstream.job(job.id).state, 'canceling')
  const again = await call(upstream, 'POST', `/builds/${buildId}/cancel`, { token: job.jobToken })
  t.match(again.body, { uuid: buildId })
  t.same(upstream.violations, [])
})

t.test('secrets, tokens, caches, and stop', async t => {
  const [upstream, job] = await oneJob(t, { secrets: { known: 's' } })
  t.match((await jobCall(upstream, job, 'GET', '/secrets?key=known')).body, {
    key: 'known',
    value: 's',
  })
  t.equal((await jobCall(upstream, job, 'GET', '/secrets?key=toString')).status, 404)
  const oidc = await jobCall(upstream, job, 'POST', '/oidc/tokens', { audience: 'sts' })
  const [, claims = ''] = String(oidc.body['token']).split('.')
  t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), { aud: 'sts', job_id: job.id })
  t.equal((await jobCall(upstream, job, 'POST', '/repository_access_token', {})).status, 404)
  t.equal((await jobCall(upstream, job, 'POST', '/header_times', { header_times: {} })).status, 200)
  const cache = await call(upstream, 'GET', '/cache_registries/x', { token: job.jobToken })
  t.equal(cache.status, 404)
  t.same(upstream.violations, [])
  t.equal((await call(upstream, 'POST', '/stop', { token: job.jobToken, json: {} })).status, 422)
  t.match(upstream.violations, [/stop/])
})
