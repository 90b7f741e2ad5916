import t from 'tap'
import { readFileSync } from 'node:fs'
import { agentFor } from './in-process.js'

interface Exchange {
  id: string
  required: boolean
  request_headers: Record<string, string>
  request_body: { json?: Record<string, unknown> } | null
}

t.test('the calls of a job come in the order of the real agent, with its tokens', async t => {
  const { gateway, start, reports } = await agentFor(t)
  t.equal(await start(), 0)
  const states = new Set(['GET state', 'POST heartbeat'])
  t.same(
    // Output may come in more than one piece.
    [...new Set(gateway.names())].filter(name => !states.has(name)),
    [
      'POST register',
      'POST connect',
      'PUT acquire',
      'PUT start',
      'POST chunks',
      'PUT finish',
      'GET ping',
      'POST disconnect',
    ],
  )
  const token = (name: string) =>
    gateway.calls.find(call => call.name === name)?.headers.authorization
  t.equal(token('POST register'), 'Token pod-token')
  for (const name of ['POST connect', 'PUT acquire', 'GET ping', 'POST disconnect']) {
    t.equal(token(name), 'Token session-token', name)
  }
  for (const name of ['PUT start', 'POST chunks', 'PUT finish']) {
    t.equal(token(name), 'Token job-token', name)
  }
  t.match(gateway.calls.find(call => call.name === 'PUT acquire')?.headers, {
    'x-buildkite-lock-acquire-job': '1',
    'x-buildkite-backoff-sequence': '0',
    'buildkite-timeout-milliseconds': /^\d+$/,
  })
  t.match(gateway.calls.find(call => call.name === 'POST chunks')?.headers, {
    'content-type': 'text/plain',
    'content-encoding': 'gzip',
  })
  const register = gateway.json('POST register')
  t.match(register, {
    hostname: String,
    os: String,
    arch: String,
    script_eval_enabled: true,
    ignore_in_dispatches: true,
    version: String,
    build: String,
    meta_data: ['queue=default', 'k8s:node=sandbox'],
    pid: Number,
    features: ['acquire-job', 'control-plane-otlp-tracing'],
  })
  t.match(gateway.json('PUT finish'), { exit_status: '0', chunks_failed_count: 0 })
  t.notOk('signal_reason' in gateway.json('PUT finish'))
  const ends = reports.flatMap(r =>
    r.type === 'terminated' ? [`${r.container} ${r.exitCode}`] : [],
  )
  t.same(ends.slice(0, 3), ['copy-agent 0', 'container-0 0', 'agent 0'])
})

t.test('each line of the log begins with its time, and says that no image is used', async t => {
  const { gateway, start } = await agentFor(t, { commands: ['printf "a\\nb"; echo c >&2'] })
  await start()
  const raw = Buffer.concat(gateway.chunks.map(chunk => chunk.text)).toString()
  // oxlint-disable-next-line no-control-regex
  for (const line of raw.trimEnd().split('\n'))
    t.match(line, /^\u001B_bk;t=\d{13}\u0007[^\u001B]*$/)
  t.match(gateway.log(), /~~~ Bootstrapping phases plugin,command\n/)
  t.match(
    gateway.log(),
    /sandbox: image busybox:1 is not used; the command runs as a local process\n/,
  )
  t.ok(gateway.log().endsWith('a\nbc\n'))
})

t.test('the first command that fails ends the job with its exit status', async t => {
  const { gateway, start, reports } = await agentFor(t, {
    commands: ['echo one', 'exit 7', 'echo three'],
  })
  t.equal(await start(), 0)
  t.equal(gateway.json('PUT finish')['exit_status'], '7')
  t.match(gateway.log(), /The command exited with status 7\n$/)
  t.notMatch(gateway.log(), 'three')
  const ends = reports.flatMap(r =>
    r.type === 'terminated' ? [`${r.container} ${r.exitCode}`] : [],
  )
  t.ok(ends.includes('container-1 7'))
})

t.test('twenty thousand lines arrive whole, and in pieces that join', async t => {
  const { gateway, start } = await agentFor(t, {
    commands: ['i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo "line $i of many"; done'],
  })
  await start()
  const lines = gateway
    .log()
    .split('\n')
    .filter(line => line.startsWith('line '))
  t.equal(lines.length, 20_000)
  t.ok(lines.every((line, i) => line === `line ${i + 1} of many`))
  t.ok(gateway.chunks.length > 3)
  t.ok(gateway.chunks.every(chunk => chunk.size <= 100_000))
  t.equal(gateway.json('PUT finish')['chunks_failed_count'], 0)
})

t.test('a cancelled job’s command gets SIGTERM, and the job is finished as cancelled', async t => {
  const { gateway, start } = await agentFor(t, { commands: ['echo ready; sleep 600'] })
  const running = start()
  await gateway.logged('ready')
  gateway.state.job = 'canceling'
  await running
  t.match(gateway.json('PUT finish'), { exit_status: '-1', signal_reason: 'cancel' })
  t.ok(gateway.names().indexOf('GET ping') > gateway.names().indexOf('PUT finish'))
})

t.test('a command that minds no SIGTERM is killed after its grace', async t => {
  const { gateway, start } = await agentFor(t, {
    commands: ['trap "" TERM; echo ready; sleep 600; sleep 600'],
  })
  const running = start()
  await gateway.logged('ready')
  gateway.state.job = 'canceled'
  await running
  t.match(gateway.json('PUT finish'), { exit_status: '-1', signal_reason: 'cancel' })
})

t.test('a 401 to a state poll stops the job; a 503 does not', async t => {
  const { gateway, start } = await agentFor(t, { commands: ['echo ready; sleep 600'] })
  let status = 503
  gateway.answerWith(call => (call.name === 'GET state' ? { status } : undefined))
  const running = start()
  await gateway.logged('ready')
  await gateway.seen('GET state')
  t.notOk(gateway.names().includes('PUT finish'))
  status = 401
  await running
  t.match(gateway.json('PUT finish'), { signal_reason: 'cancel' })
})

t.test('a stopped agent stops its job, says agent_stop, and does not ping', async t => {
  const { gateway, start, stop } = await agentFor(t, { commands: ['echo ready; sleep 600'] })
  const running = start()
  await gateway.logged('ready')
  stop()
  t.equal(await running, 0)
  t.match(gateway.json('PUT finish'), { exit_status: '-1', signal_reason: 'agent_stop' })
  t.notOk(gateway.names().includes('GET ping'))
  t.equal(gateway.names().at(-1), 'POST disconnect')
})

t.test('a job that is not to be had ends the agent with 27, after a disconnect', async t => {
  const { gateway, start } = await agentFor(t)
  gateway.answerWith(call => (call.name === 'PUT acquire' ? { status: 422 } : undefined))
  t.equal(await start(), 27)
  t.same(gateway.names(), ['POST register', 'POST connect', 'PUT acquire', 'POST disconnect'])
})

t.test('passing refusals are tried again, and counted where the real agent counts', async t => {
  const { gateway, start } = await agentFor(t)
  const left = new Map([
    ['POST register', [503]],
    ['PUT acquire', [423, 429, 500]],
    ['PUT start', [503]],
    ['POST chunks', [500]],
    ['PUT finish', [502]],
  ])
  gateway.answerWith(({ name }) => {
    const status = left.get(name)?.shift()
    return status === undefined ? undefined : { status, headers: { 'retry-after': '1' } }
  })
  t.equal(await start(), 0)
  const acquires = gateway.calls.filter(call => call.name === 'PUT acquire')
  t.same(
    acquires.map(call => call.headers['x-buildkite-backoff-sequence']),
    ['0', '1', '2', '3'],
  )
  t.match(gateway.log(), 'hello')
  t.equal(gateway.json('PUT finish')['chunks_failed_count'], 0)
})

t.test('a chunk that gets a 4xx is lost, and finish says so', async t => {
  const { gateway, start } = await agentFor(t)
  gateway.answerWith(call => (call.name === 'POST chunks' ? { status: 429 } : undefined))
  await start()
  // How many chunks the output makes depends on when it comes; each is sent once and counted as lost.
  const chunks = gateway.names().filter(name => name === 'POST chunks').length
  t.ok(chunks >= 1)
  t.equal(gateway.json('PUT finish')['chunks_failed_count'], chunks)
})

t.test('a start that is refused leaves the job unfinished, as the real agent does', async t => {
  const { gateway, start } = await agentFor(t)
  gateway.answerWith(call => (call.name === 'PUT start' ? { status: 422 } : undefined))
  t.equal(await start(), 0)
  t.notOk(gateway.names().includes('PUT finish'))
  t.equal(gateway.names().at(-1), 'POST disconnect')
})

t.test('heartbeats go on while a job runs', async t => {
  const { gateway, start } = await agentFor(t, { commands: ['echo ready; sleep 600'] })
  const running = start()
  await gateway.seen('POST heartbeat')
  gateway.state.job = 'canceled'
  await running
  t.match(gateway.json('POST heartbeat'), { sent_at: /^\d{4}-/ })
  const beat = gateway.calls.find(call => call.name === 'POST heartbeat')
  t.equal(beat?.headers.authorization, 'Token session-token')
})

t.test('a container that cannot start ends the job when nothing comes of it', async t => {
  const { gateway, start } = await agentFor(t, { blocked: true, speed: 5000 })
  await start()
  t.match(gateway.json('PUT finish'), { exit_status: '-1', signal_reason: 'process_run_error' })
})

t.test(
  'the exchanges that the reference says are required have the headers that it says',
  async t => {
    const file = process.env['AGENT_API_TRACE']
    if (file === undefined) return t.pass('no trace given')
    const trace = JSON.parse(readFileSync(file, 'utf8')) as { exchanges: Exchange[] }
    const { gateway, start } = await agentFor(t, { commands: ['echo ready; sleep 1'] })
    await start()
    const names: Record<string, string> = { 'chunk-1': 'POST chunks', 'job-state-1': 'GET state' }
    for (const exchange of trace.exchanges.filter(each => each.required)) {
      const { id, request_headers: headers, request_body: body } = exchange
      if (id === 'chunk-2') continue
      const name = names[id] ?? gateway.names().find(each => each.endsWith(` ${id}`)) ?? ''
      const call = gateway.calls.find(each => each.name === name)
      t.ok(call, id)
      for (const key of ['X-Buildkite-Lock-Acquire-Job', 'Content-Type', 'Content-Encoding']) {
        t.equal(call?.headers[key.toLowerCase()], headers[key], `${id} ${key}`)
      }
      const timeout = 'buildkite-timeout-milliseconds'
      t.equal(timeout in (call?.headers ?? {}), 'Buildkite-Timeout-Milliseconds' in headers, id)
      const wanted = Object.keys(body?.json ?? {}).filter(key => key !== 'machine_id')
      if (body?.json) t.same(Object.keys(gateway.json(name)), wanted, `${id} keys`)
    }
  },
)
