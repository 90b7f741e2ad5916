import t from 'tap'
import { scripted } from '../upstream/scripted.js'
import { gatewayOf, ownBuild, ownStep } from './gateway-of.js'

const other = '01890000-0000-4000-8000-000000000002'
const otherBuild = '02890000-0000-4000-8000-000000000002'
const otherStep = '03890000-0000-4000-8000-000000000002'

// Every call of the agent's subcommands that names an id (agent v3.137.0: api/*.go). `IN` stands for the id that it names:
// `jobs` by --job, `builds` by --build, `steps` by --step.
const calls: [string, string, string, object?][] = [
  ['jobs', 'POST', 'annotations', { body: 'x' }],
  ['jobs', 'DELETE', 'annotations/x?scope=build'],
  ['jobs', 'POST', 'artifacts', { artifacts: [] }],
  ['jobs', 'PUT', 'artifacts', { artifacts: [] }],
  ['builds', 'GET', 'artifacts/search?query=*&scope=a&state=finished'],
  ['builds', 'POST', 'cancel'],
  ['jobs', 'POST', 'data/set', { key: 'a', value: 'b' }],
  ['jobs', 'POST', 'data/set-batch', { items: [{ key: 'a', value: 'b' }] }],
  ['jobs', 'POST', 'data/get', { key: 'a' }],
  ['builds', 'POST', 'data/get', { key: 'a' }],
  ['jobs', 'POST', 'data/exists', { key: 'a' }],
  ['builds', 'POST', 'data/exists', { key: 'a' }],
  ['jobs', 'POST', 'data/keys'],
  ['builds', 'POST', 'data/keys'],
  ['jobs', 'POST', 'header_times', { header_times: {} }],
  ['jobs', 'POST', 'oidc/tokens', { audience: 'a' }],
  ['jobs', 'POST', 'pipelines?async=true', { uuid: 'u', pipeline: {} }],
  ['jobs', 'GET', 'pipelines/05890000-0000-4000-8000-000000000002'],
  ['jobs', 'PUT', 'promise_failure', { exit_status: 1 }],
  ['jobs', 'POST', 'repository_access_token', { repo_url: 'r' }],
  ['jobs', 'POST', 'github_code_access_token', { repo_url: 'r' }],
  ['jobs', 'GET', 'secrets?key=a'],
  ['jobs', 'PUT', '', { timeout: '5' }],
  ['steps', 'POST', 'export', { attribute: 'label', build_id: ownBuild }],
  ['steps', 'PUT', '', { attribute: 'label', value: 'x', build_id: ownBuild }],
  ['steps', 'POST', 'cancel', { build_id: ownBuild, force: false, force_grace_period: 10 }],
]
const own: Record<string, string> = {
  jobs: '01890000-0000-4000-8000-000000000001',
  builds: ownBuild,
  steps: ownStep,
}
const others: Record<string, string> = { jobs: other, builds: otherBuild, steps: otherStep }

const pathOf = (thing: string, id: string, rest: string) =>
  `/${thing}/${id}/${rest}`.replace(/\/$/, '')

t.test('a job reaches its own job, build and step by every call of its agent', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call, audits } = await gatewayOf(t, upstream.endpoint)
  for (const [thing, method, rest, json] of calls) {
    const path = pathOf(thing, own[thing] ?? '', rest)
    t.match(await call(method, `/v3${path}`, { token: 'job', json }), { status: 200 }, path)
    t.match(upstream.got.at(-1), { method, path, json })
  }
  t.same(audits(), [])
})

t.test('and no other job, build or step by any of them', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call, audits } = await gatewayOf(t, upstream.endpoint)
  for (const [thing, method, rest, json] of calls) {
    const path = pathOf(thing, others[thing] ?? '', rest)
    t.match(await call(method, `/v3${path}`, { token: 'job', json }), { status: 403 }, path)
  }
  t.same(upstream.got, [])
  t.ok(audits().length >= 20)
})

t.test('with allow-other-builds it does, but for the life of other jobs', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call } = await gatewayOf(t, upstream.endpoint, { allowOtherBuilds: true })
  for (const [thing, method, rest, json] of calls) {
    const path = pathOf(thing, others[thing] ?? '', rest)
    t.match(await call(method, `/v3${path}`, { token: 'job', json }), { status: 200 }, path)
  }
  upstream.got.length = 0
  for (const [method, rest] of [
    ['PUT', 'start'],
    ['POST', 'start'],
    ['PUT', 'finish'],
    ['PUT', 'finish.json'],
    ['POST', 'chunks?sequence=1&offset=0&size=1'],
    ['PUT', 'accept'],
    ['PUT', 'acquire'],
    ['GET', ''],
  ] as const) {
    const path = pathOf('jobs', other, rest)
    const { status } = await call(method, `/v3${path}`, { token: 'job', json: {} })
    t.ok([401, 403, 422].includes(status), `${method} ${path}: ${status}`)
  }
  t.same(upstream.got, [])
})

t.test('a step of the own build goes by its key, with the own build in the body', async t => {
  const upstream = await scripted(t, () => ({ json: { output: 'x' } }))
  const { call, audits } = await gatewayOf(t, upstream.endpoint)
  const get = (step: string, body: string, headers: Record<string, string> = {}) =>
    call('POST', `/v3/steps/${step}/export`, { token: 'job', body: Buffer.from(body), headers })
  const good = `{ "build_id" : "${ownBuild}", "attribute":"a:b\\"{[", "force": true }\n`
  t.match(await get('tests', good), { status: 200 })
  t.equal(upstream.got[0]?.body.toString(), good, 'byte for byte')
  t.match(await get(ownStep, '{"attribute":"label"}'), { status: 200 }, 'its own needs no build')
  const sent = upstream.got.length
  const bad: [string, string, Record<string, string>?][] = [
    ['tests', '{"attribute":"label"}'],
    ['tests', ''],
    ['tests', `{"build_id":"${otherBuild}"}`],
    [ownStep, `{"build_id":"${otherBuild}"}`],
    ['tests', `{"build_id":"${ownBuild}","build_id":"${otherBuild}"}`],
    ['tests', `{"build_id":"${otherBuild}","build_id":"${ownBuild}"}`],
    ['tests', `{"build_id":"${ownBuild}","buildId":"${otherBuild}"}`],
    ['tests', `{"build_id":"${ownBuild}","build":{"id":"${otherBuild}"}}`],
    ['tests', `{"build_id":["${ownBuild}"]}`],
    ['tests', `[{"build_id":"${ownBuild}"}]`],
    ['tests', `build_id=${otherBuild}`],
    ['tests', `{"build_id":"${ownBuild}"}x`],
    ['tests', good, { 'content-encoding': 'gzip' }],
    ['tests', `{"build_id":"${ownBuild}","value":"${'x'.repeat(300_000)}"}`],
    [otherStep, `{"build_id":"${ownBuild}"}`],
  ]
  for (const [step, body, headers] of bad) {
    t.match(await get(step, body, headers), { status: 403 }, `${step} ${body.slice(0, 90)}`)
  }
  t.equal(upstream.got.length, sent)
  t.equal(audits().length, bad.length)
})

t.test('the query names no other job or build, however it is spelled', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call } = await gatewayOf(t, upstream.endpoint)
  for (const query of [
    `job_id=${other}`,
    `job=${other}`,
    `job%5Bid%5D=${other}`,
    `JobID=${other}`,
    `job_id=${own['jobs']}&job_id=${other}`,
    `build_id=${otherBuild}`,
    `build_uuid=${otherBuild}`,
  ]) {
    const path = `/v3/jobs/${own['jobs']}/data/get?${query}`
    t.match(await call('POST', path, { token: 'job', json: {} }), { status: 403 }, query)
  }
  t.same(upstream.got, [])
})

t.test('cache registries are shared by design, and forwarded', async t => {
  const upstream = await scripted(t, () => ({ json: {} }))
  const { call } = await gatewayOf(t, upstream.endpoint)
  for (const [method, path] of [
    ['GET', '/cache_registries/a'],
    ['POST', '/cache_registries/a/peek'],
    ['PUT', '/cache_registries/a/store'],
    ['PUT', '/cache_registries/a/commit'],
    ['POST', '/cache_registries/a/retrieve'],
    ['POST', '/cache_registries/a/expire'],
  ] as const) {
    t.match(await call(method, `/v3${path}`, { token: 'job', json: {} }), { status: 200 }, path)
  }
})
