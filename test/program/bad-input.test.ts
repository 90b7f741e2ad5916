import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runProgram } from './program.js'
import { freePort } from '../harness/ports.js'
import { startSurroundings } from './world.js'

// What a person does wrong: one message that says where, what was wanted and what was found, and an exit status of 2
// for words and settings and 1 for the rest.

t.jobs = 3

interface Row {
  args: string[]
  env?: Record<string, string>
  /** Texts that the message must have, in this order. */
  says: string[]
  status?: 1 | 2
}

const folder = mkdtempSync(join(tmpdir(), 'job-spawner-test-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const secret = 'secret-token-of-the-test'
const withToken = { BUILDKITE_AGENT_TOKEN: secret }

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function kubeconfigFor(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'one',
    clusters: [{ name: 'one', cluster: { server } }],
    users: [{ name: 'one', user: { token: secret } }],
    contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
  })
}

const closed = await freePort()
const { upstream, cluster } = await startSurroundings(t)
const taken = createServer().listen(0, '127.0.0.1')
await once(taken, 'listening')
t.teardown(() => taken.close())
const takenPort = (taken.address() as { port: number }).port

const emptyFile = file('empty', '\n')
const twoLines = file('two-lines', `${secret}\n${secret}\n`)
const unknownKey = file('unknown-key.yml', 'log-level: info\n  \nmax-in-fligt: 3\n')
const notYaml = file('not.yml', `tags: [queue=a\ntoken: ${secret}\n`)
const badValue = file('bad-value.yml', 'tags: queue=a\nmax-in-flight: many\n')
const oneContext = file('kubeconfig', kubeconfigFor(`https://127.0.0.1:${closed}`))
const badStep = file('bad-step.yml', 'steps:\n  - command: "true"\n    labell: x\n')
const notPipeline = file('not-pipeline.yml', 'steps: [\n')
const missing = join(folder, 'missing')

const reachable = [
  `--kubeconfig=${cluster.kubeconfig}`,
  '--gateway-listen=127.0.0.1:0',
  '--metrics-listen=127.0.0.1:0',
  '--gateway-url=http://127.0.0.1:1',
  '--log-level=debug',
  '--name=bad-input',
]

const rows: Record<string, Row> = {
  'an unknown verb': {
    args: ['rum'],
    says: ['unknown verb', 'wanted: run, sandbox, render, lint, version', 'found: "rum"'],
  },
  'an unknown flag': {
    args: ['run', '--max-in-fligt', '3'],
    says: ['unknown flag', 'where: --max-in-fligt', 'did you mean --max-in-flight?'],
  },
  'a flag without a value': {
    args: ['run', '--tags'],
    says: ['where: --tags', 'wanted: --flag value'],
  },
  'a word where a flag is wanted': {
    args: ['run', secret],
    says: ['wanted: --flag value'],
  },
  'a malformed tag': {
    args: ['run', '--tags', 'queue'],
    says: ["tags can't be used", 'where: --tags', 'wanted: tags of the form key=value', 'found: '],
  },
  'a malformed tag in the environment': {
    args: ['run'],
    env: { BUILDKITE_AGENT_TAGS: 'queue=a,b' },
    says: [
      'where: BUILDKITE_AGENT_TAGS',
      'wanted: tags of the form key=value',
      'found: "queue=a,b"',
    ],
  },
  'a bad duration': {
    args: ['run', '--job-ttl', '10'],
    says: ['where: --job-ttl', 'wanted: a duration such as 90s', 'found: "10"'],
  },
  'a password in a URL': {
    args: ['run', '--endpoint', `https://someone:${secret}@agent.example.org`],
    says: ['where: --endpoint', 'wanted: a URL', 'found: '],
  },
  'both a token and a token file': {
    args: ['run', '--token-file', twoLines],
    says: [
      'token is given twice',
      'where: BUILDKITE_AGENT_TOKEN and --token-file',
      'wanted: one',
      'found: both',
    ],
  },
  'no token': {
    args: ['run'],
    env: { BUILDKITE_AGENT_TOKEN: '' },
    says: ['no agent token', 'where: --token, --token-file', 'wanted: ', 'found: none'],
  },
  'a token file that is missing': {
    args: ['run', '--token-file', missing],
    env: { BUILDKITE_AGENT_TOKEN: '' },
    says: [`where: ${missing}`, 'wanted: a file that holds the agent token', 'found: ENOENT'],
  },
  'a token file that is empty': {
    args: ['run', '--token-file', emptyFile],
    env: { BUILDKITE_AGENT_TOKEN: '' },
    says: [`where: ${emptyFile}`, 'wanted: one line', 'found: nothing'],
  },
  'a token file with two lines': {
    args: ['run', '--token-file', twoLines],
    env: { BUILDKITE_AGENT_TOKEN: '' },
    says: [`where: ${twoLines}`, 'wanted: one line', 'found: spaces, line breaks'],
  },
  'an unknown key in the config file': {
    args: ['run', '--config', unknownKey],
    says: [`where: ${unknownKey}:3:1`, 'found: "max-in-fligt"', 'did you mean max-in-flight?'],
  },
  'a bad value in the config file': {
    args: ['run', '--config', badValue],
    says: [`where: ${badValue}:2:1`, 'wanted: a whole number', 'found: "many"'],
  },
  'a config file that is not YAML': {
    args: ['run', '--config', notYaml],
    says: ['the config file is not YAML', `where: ${notYaml}:2:`, 'wanted: YAML', 'found: '],
  },
  'a kubeconfig that is missing': {
    args: ['run', '--kubeconfig', missing],
    says: [`where: ${missing}`, 'wanted: a kubeconfig file', 'found: no such file'],
  },
  'an unknown context': {
    args: ['run', '--kubeconfig', oneContext, '--context', 'two'],
    says: [`where: ${oneContext}`, 'wanted: one of: one', 'found: two'],
  },
  "a ledger among the jobs' Secrets": {
    args: ['run', ...reachable, '--namespace', 'job-spawner'],
    says: ['where: namespace job-spawner', 'wanted: ', 'found: '],
  },
  'an API server that does not answer': {
    args: ['run', '--kubeconfig', oneContext],
    status: 1,
    says: ['cannot be reached', `where: 127.0.0.1:${closed}`, 'wanted: ', 'found: no answer'],
  },
  'an endpoint that does not answer': {
    args: ['run', ...reachable, '--endpoint', `http://127.0.0.1:${closed}/v3`],
    status: 1,
    says: ["can't be reached", `where: --endpoint (127.0.0.1:${closed})`, 'wanted: ', 'found: '],
  },
  'a token that upstream refuses': {
    args: ['run', ...reachable, '--endpoint', upstream.endpoint],
    status: 1,
    says: ['refuses to register', 'where: --endpoint', 'wanted: ', 'found: ', '401', 'token'],
  },
  'a gateway port that is in use': {
    args: ['run', ...reachable, '--gateway-listen', `127.0.0.1:${takenPort}`],
    status: 1,
    says: [`where: --gateway-listen 127.0.0.1:${takenPort}`, 'wanted: a free port', 'EADDRINUSE'],
  },
  'a port for the metrics that is in use': {
    args: ['run', ...reachable, '--metrics-listen', `127.0.0.1:${takenPort}`],
    status: 1,
    says: [`where: --metrics-listen 127.0.0.1:${takenPort}`, 'wanted: a free port', 'EADDRINUSE'],
  },
  'a sandbox without its pipeline file': {
    args: ['sandbox', missing],
    says: [`where: ${missing}`, 'wanted: a YAML file with steps', 'found: ENOENT'],
  },
  'a sandbox with an unknown key in a step': {
    args: ['sandbox', badStep],
    says: ['the pipeline cannot be used', `where: ${badStep}`, 'wanted: ', 'found: ', 'label'],
  },
  'a sandbox with a pipeline that is not YAML': {
    args: ['sandbox', notPipeline],
    says: [`where: ${notPipeline}, line`, 'wanted: valid YAML', 'found: '],
  },
  'a sandbox with an unknown flag': {
    args: ['sandbox', '--repoo', 'x'],
    says: ['unknown flag', 'where: --repoo', 'did you mean --repo?'],
  },
}

for (const [what, { args, env, says, status = 2 }] of Object.entries(rows)) {
  t.test(what, async t => {
    const ended = await runProgram(args, { ...withToken, ...env })
    t.equal(ended.status, status, ended.stderr.slice(-600))
    const { rest } = says.reduce(
      ({ rest }, text) => {
        const at = rest.indexOf(text)
        t.ok(at >= 0, `says ${text}`, { stderr: ended.stderr.slice(-1200) })
        return { rest: rest.slice(Math.max(at, 0)) }
      },
      { rest: messageIn(ended.stderr) },
    )
    t.ok(rest.length < 2_000, 'and not much more')
    t.notOk(`${ended.stdout}${ended.stderr}`.includes(secret), 'and no secret')
    t.notOk(/\n {4}at /.test(ended.stderr), 'and no stack')
  })
}

/** The message for people: what stands after the log. */
function messageIn(stderr: string): string {
  const at = stderr.search(/^job-spawner: /m)
  return at < 0 ? '' : stderr.slice(at)
}

t.test('version tells ours and that of the agent whose protocol it is', async t => {
  const { status, stdout, stderr } = await runProgram(['version'])
  t.match(stdout, /^job-spawner \d+\.\d+\.\d+ .*buildkite-agent 3\.\d+\.\d+.*\n$/)
  t.same([status, stderr], [0, ''])
})

t.test('--help of each verb tells its flags, and no verb at all tells the verbs', async t => {
  const helps: [string[], RegExp, number][] = [
    [['run', '--help'], /--max-in-flight {2}\(JOB_SPAWNER_MAX_IN_FLIGHT\)/, 0],
    [['sandbox', '--help'], /--out DIR/, 0],
    [['version', '--help'], /job-spawner run/, 0],
    [['--help'], /job-spawner sandbox \[pipeline\.yml\]/, 0],
    [[], /job-spawner run \[flags\]/, 2],
  ]
  for (const [args, wanted, status] of helps) {
    const ended = await runProgram(args)
    t.match(ended.stdout, wanted)
    t.same([ended.status, ended.stderr], [status, ''], args.join(' '))
  }
})
