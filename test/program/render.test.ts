import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { startCluster } from '../../lib/sandbox/cluster/server.js'
import { runProgram } from './program.js'
import { freePort } from '../harness/ports.js'

// What a person asks before anything runs: what would it be, and is it right? No Buildkite, no token, no cluster but
// where it is asked for.

t.jobs = 3

const execShell = promisify(execFile)

interface Kubeconfig {
  users: { user: { token?: string } }[]
}

const folder = mkdtempSync(join(tmpdir(), 'job-spawner-test-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const good = file(
  'good.yml',
  'steps:\n  - { label: a, command: x }\n  - { label: b, command: y }\n',
)
const oneBad = file(
  'one-bad.yml',
  `steps:
  - label: bad
    command: x
    plugins:
      - kubernetes:
          podSpec: 7
  - { label: good, command: y }
`,
)

t.test('render prints the Job of each step without token or cluster', async t => {
  const { status, stdout, stderr } = await runProgram(['render', good])
  t.same([status, stderr], [0, ''])
  const documents = stdout.split('---\n').map(one => parse(one) as { kind: string })
  t.same(
    documents.map(({ kind }) => kind),
    ['Job', 'Job'],
  )
})

t.test('render and lint read standard input', async t => {
  for (const verb of ['render', 'lint']) {
    const program = fileURLToPath(new URL('../../bin/job-spawner', import.meta.url))
    // As in `startProgram`, so that nothing of tap's is in the environment.
    const words = ['-i', process.execPath, program, verb, '-']
    const child = spawn('env', words, { stdio: ['pipe', 'pipe', 'ignore'] })
    child.stdin.end('[{ command: x }]')
    const [stdout, closed] = await Promise.all([text(child.stdout), once(child, 'close')])
    t.equal(closed[0], 0, verb)
    t.match(stdout, verb === 'render' ? /^kind: Job$/m : /^$/)
  }
})

t.test('a step that cannot be rendered is an exit status of 1, and the rest is there', async t => {
  const { status, stdout, stderr } = await runProgram(['render', oneBad])
  t.equal(status, 1)
  t.ok(stderr.startsWith(`${oneBad}:6:11: step 1: bad: `), stderr)
  t.match(stdout, /^# step 2: good /)
})

t.test('lint tells each fault in one line: exit status 1 with errors, 0 without', async t => {
  const bad = await runProgram(['lint', oneBad])
  t.equal(bad.status, 1)
  t.match(bad.stdout, /^\S+one-bad\.yml:6:11: error: .*\(wanted object; found number\)\n$/)
  t.equal(bad.stderr, '1 error, 0 warnings in 1 file\n')
  const fine = await runProgram(['lint', good])
  t.same([fine.status, fine.stdout], [0, ''])
})

t.test('wrong words are an exit status of 2', async t => {
  for (const args of [['render'], ['lint'], ['render', '/nowhere'], ['lint', good, '--kind=x']]) {
    const { status, stderr } = await runProgram(args)
    t.equal(status, 2, args.join(' '))
    t.match(stderr, /^job-spawner: .*\n {2}w/)
  }
})

t.test('--diff tells what the settings change', async t => {
  const config = file('config.yml', 'job-ttl: 5m\n')
  const { status, stdout } = await runProgram(['render', good, '--diff', '--config', config])
  t.equal(status, 0)
  t.match(stdout, /^-  ttlSecondsAfterFinished: 600\n\+  ttlSecondsAfterFinished: 300$/m)
  t.notMatch(stdout, /\u001b/)
})

t.test('--server-dry-run asks the API server, which makes nothing', async t => {
  const cluster = await startCluster()
  t.teardown(() => cluster.close())
  const host = new URL(cluster.url).host
  const { users } = parse(readFileSync(cluster.kubeconfig, 'utf8')) as Kubeconfig
  const token = users[0]?.user.token
  const args = ['render', '--server-dry-run', '--kubeconfig', cluster.kubeconfig]
  const namespace = await fetch(`${cluster.url}/api/v1/namespaces`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ metadata: { name: 'buildkite' } }),
  })
  t.equal(namespace.status, 201)
  const taken = await runProgram([...args, good])
  t.equal(taken.status, 0, taken.stderr)
  t.equal(taken.stderr, `step 1: a: accepted by ${host}\nstep 2: b: accepted by ${host}\n`)
  t.equal(cluster.objects('jobs').length, 0)

  const refused = await runProgram([...args, '--namespace=nowhere', good])
  t.equal(refused.status, 1)
  t.match(refused.stderr, /^step 1: a: refused by \S+: .*nowhere/)
})

t.test('an API server that does not answer is told', async t => {
  const server = `http://127.0.0.1:${await freePort()}`
  const kubeconfig = file(
    'kubeconfig',
    JSON.stringify({
      'current-context': 'one',
      clusters: [{ name: 'one', cluster: { server } }],
      users: [{ name: 'one', user: {} }],
      contexts: [{ name: 'one', context: { cluster: 'one', user: 'one' } }],
    }),
  )
  const { status, stderr } = await runProgram([
    'render',
    '--server-dry-run',
    '--kubeconfig',
    kubeconfig,
    good,
  ])
  t.equal(status, 1)
  t.match(stderr, /the Kubernetes API cannot be reached/)
})

t.test('who reads may stop early, and a full disk is told', async t => {
  const steps = Array.from({ length: 300 }, (_, index) => `  - command: echo ${index}\n`)
  const long = file('long.yml', `steps:\n${steps.join('')}`)
  const program = fileURLToPath(new URL('../../bin/job-spawner', import.meta.url))
  // Tap's own environment would make of the program another one.
  const words = ['env', '-i', process.execPath, program, 'render', long]
  const inShell = (rest: string) => execShell('sh', ['-c', `"$@" ${rest}`, 'sh', ...words])
  const { stdout, stderr } = await inShell('| head -1')
  t.same([stdout, stderr], [`# step 1 (${long}:2:5)\n`, ''])
  // Linux has a device that is always full.
  if (!existsSync('/dev/full')) return
  await t.rejects(inShell('> /dev/full'), {
    code: 1,
    stderr: /^job-spawner: the output cannot be written: [^\n]*\n$/,
  })
})
