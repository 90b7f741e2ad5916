import t, { type Test } from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import { AgentApi } from '../../../lib/sandbox/pod-agent/api.js'
import { runCli } from '../../../lib/sandbox/pod-agent/cli-commands.js'
import { fakeGateway, jobId } from './fake-gateway.js'
import { agentFor, clockOf } from './in-process.js'

async function cliFor(t: Test, files: Record<string, string | Record<string, string>> = {}) {
  const gateway = await fakeGateway()
  t.teardown(() => gateway.close())
  const cwd = t.testdir(files)
  const out: string[] = []
  const told: string[] = []
  const env = {
    BUILDKITE_JOB_ID: jobId,
    BUILDKITE_BUILD_ID: 'build-1',
    BUILDKITE_STEP_ID: 'step-1',
    NAME: 'x',
  }
  const run = (args: string[], stdin = '') =>
    runCli({
      args,
      env,
      cwd,
      clock: clockOf(50),
      api: new AgentApi(gateway.url, 'job-token'),
      print: text => void out.push(text),
      tell: text => void told.push(text),
      readStdin: async () => stdin,
    })
  return { gateway, run, cwd, out: () => out.join(''), told: () => told.join('\n') }
}

t.test('annotate sends its body, from the arguments or from standard input', async t => {
  const { gateway, run } = await cliFor(t)
  t.equal(await run(['annotate', 'hello', '--style', 'info', '--context', 'c', '--append']), 0)
  t.same(gateway.json('POST annotations'), {
    body: 'hello',
    context: 'c',
    style: 'info',
    append: true,
    priority: 3,
    scope: 'build',
  })
  t.equal(await run(['annotate'], 'from stdin'), 0)
  t.equal(gateway.json('POST annotations')['body'], 'from stdin')
})

t.test('meta-data is set, got, asked for and listed', async t => {
  const { gateway, run, out } = await cliFor(t)
  t.equal(await run(['meta-data', 'set', 'k', 'v']), 0)
  t.same(gateway.json('POST data/set'), { key: 'k', value: 'v' })
  let exists = false
  gateway.answerWith(({ name }) => {
    if (name === 'POST data/exists') return { status: 200, json: { exists } }
    if (name === 'POST data/keys') return { status: 200, json: ['a', 'b'] }
    if (name !== 'POST data/get') return undefined
    return exists ? { status: 200, json: { key: 'k', value: 'v' } } : { status: 404 }
  })
  t.equal(await run(['meta-data', 'exists', 'k']), 100)
  t.equal(await run(['meta-data', 'get', 'k']), 1)
  t.equal(await run(['meta-data', 'get', 'k', '--default', 'd']), 0)
  exists = true
  t.equal(await run(['meta-data', 'exists', 'k']), 0)
  t.equal(await run(['meta-data', 'get', 'k']), 0)
  t.equal(await run(['meta-data', 'keys']), 0)
  t.equal(out(), 'dva\nb\n')
})

t.test('artifacts are created, uploaded to where the answer says, and finished', async t => {
  const { gateway, run } = await cliFor(t, {
    a: { 'one.txt': 'one', 'two.log': 'two' },
    'three.txt': '3',
  })
  const url = gateway.url.replace('/v3', '/')
  gateway.answerWith(({ name }) => {
    if (name !== 'POST artifacts') return undefined
    const action = { url, method: 'POST', path: '/storage', file_input: 'file' }
    const upload_instructions = { action, data: { key: 'up/${artifact:path}' } }
    return { status: 200, json: { id: 'batch', artifact_ids: ['i1', 'i2'], upload_instructions } }
  })
  t.equal(await run(['artifact', 'upload', '**/*.txt;a/one.txt']), 0)
  const created = gateway.json('POST artifacts') as {
    artifacts: { path: string; file_size: number }[]
  }
  t.same(
    created.artifacts.map(each => [each.path, each.file_size]),
    [
      ['a/one.txt', 3],
      ['three.txt', 1],
    ],
  )
  // Uploads go side by side: either may come first.
  const forms = gateway.calls.filter(call => call.path === '/storage')
  const form = forms.find(call => call.body.toString().includes('one.txt'))
  t.equal(form?.headers.authorization, undefined)
  t.match(
    form?.body.toString(),
    /name="key"\r\n\r\nup\/a\/one.txt\r\n[\s\S]*name="file"; filename="one.txt"/,
  )
  t.match(gateway.json('PUT artifacts'), {
    artifacts: [
      { id: 'i1', state: 'finished' },
      { id: 'i2', state: 'finished' },
    ],
  })
})

t.test('artifacts are downloaded into their folders, and never above', async t => {
  const { gateway, run, cwd, told } = await cliFor(t, { into: {} })
  const url = gateway.url.replace('/v3', '/file')
  gateway.answerWith(call => {
    if (call.path === '/file') return { status: 200, json: 'content' }
    if (call.path !== 'builds/build-1/artifacts/search') return undefined
    const found = call.query.get('query') === 'none' ? [] : ['a/b.txt', '../up.txt']
    return { status: 200, json: found.map(path => ({ path, url })) }
  })
  t.equal(await run(['artifact', 'download', '*', 'into']), 0, told())
  t.equal(readFileSync(`${cwd}/into/a/b.txt`, 'utf8'), '"content"')
  t.ok(existsSync(`${cwd}/into/up.txt`))
  t.equal(await run(['artifact', 'download', 'none', 'into']), 1)
  t.equal(await run(['artifact', 'download', '*', 'nowhere']), 1)
})

t.test('a pipeline is uploaded with its variables put in, and waited for', async t => {
  const { gateway, run, told } = await cliFor(t, {
    'p.yml': 'steps:\n- command: "echo $NAME $$HOME ${NO:-d}"\n',
  })
  let left = 2
  gateway.answerWith(({ name, path, body }) => {
    if (name === 'POST pipelines') {
      const { uuid } = JSON.parse(body.toString()) as { uuid: string }
      const location = `https://example.com/v3/jobs/${jobId}/pipelines/${uuid}`
      return { status: 202, headers: { location, 'retry-after': '0' } }
    }
    if (!path.includes('/pipelines/')) return undefined
    left -= 1
    return { status: 200, json: { state: left > 0 ? 'processing' : 'applied' } }
  })
  t.equal(await run(['pipeline', 'upload', 'p.yml']), 0, told())
  t.same(gateway.json('POST pipelines')['pipeline'], { steps: [{ command: 'echo x $HOME d' }] })
  t.equal(gateway.calls.find(call => call.name === 'POST pipelines')?.query.get('async'), 'true')
  t.equal(left, 0)
  left = 1
  t.equal(await run(['pipeline', 'upload', '--replace'], '[{"wait": null}]'), 0)
  t.match(gateway.json('POST pipelines'), { replace: true, pipeline: { steps: [{ wait: null }] } })
  gateway.answerWith(({ name }) => (name === 'POST pipelines' ? { status: 422 } : undefined))
})

t.test('steps are got and updated', async t => {
  const { gateway, run, out } = await cliFor(t)
  gateway.answerWith(({ path }) =>
    path === 'steps/step-1/export' ? { status: 200, json: { output: 'label' } } : undefined,
  )
  t.equal(await run(['step', 'get', 'label']), 0)
  t.equal(out(), 'label')
  t.equal(await run(['step', 'update', 'label', 'new', '--append']), 0)
  t.match(gateway.json('PUT steps/step-1'), {
    attribute: 'label',
    value: 'new',
    append: true,
    build_id: 'build-1',
  })
})

t.test('what the stand-in has not says so', async t => {
  const { run, told } = await cliFor(t)
  t.equal(await run(['oidc', 'request-token']), 1)
  t.match(told(), "oidc request-token: not in the sandbox's stand-in")
})

t.test('a command finds buildkite-agent on its PATH, with the job’s own token', async t => {
  const commands = [
    'buildkite-agent meta-data set from command; buildkite-agent nonsense || echo "was $?"',
  ]
  const { gateway, start } = await agentFor(t, { commands })
  await start()
  t.same(gateway.json('POST data/set'), { key: 'from', value: 'command' }, gateway.log())
  const call = gateway.calls.find(({ name }) => name === 'POST data/set')
  t.equal(call?.headers.authorization, 'Token job-token')
  t.match(gateway.log(), 'was 1\n')
})

t.test('artifact paths of the step are uploaded at the end, also of a job that failed', async t => {
  const jobEnv = { BUILDKITE_ARTIFACT_PATHS: 'out/*.txt' }
  const commands = ['mkdir out; echo x > out/x.txt; exit 3']
  const { gateway, start } = await agentFor(t, { commands, jobEnv })
  gateway.answerWith(({ name }) => (name === 'POST artifacts' ? { status: 403 } : undefined))
  await start()
  t.match(gateway.json('POST artifacts'), { artifacts: [{ path: 'out/x.txt', file_size: 2 }] })
  t.equal(gateway.json('PUT finish')['exit_status'], '3')
})
