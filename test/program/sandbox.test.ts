import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { runProgram, startProgram } from './program.js'

// The first thing that somebody runs: no Buildkite, no cluster, no flags.

t.jobs = 3

const folder = mkdtempSync(join(tmpdir(), 'job-spawner-test-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

function pipeline(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

t.test('the sample pipeline passes, is told as it runs, and leaves its traces', async t => {
  const out = join(folder, 'out')
  const { status, stdout, stderr } = await runProgram(['sandbox', '--out', out])
  t.equal(status, 0, stdout.slice(-600))
  t.equal(stderr, '')
  for (const words of [/not isolated/, /part 1 of 2/, /part 2 of 2/, /build 1: passed/]) {
    t.match(stdout, words)
  }
  t.notMatch(stdout, /protocol violation/)
  const manifests = readdirSync(join(out, 'manifests'))
  t.equal(manifests.length, 4, 'a manifest for each job')
  for (const name of manifests) {
    const job = parse(readFileSync(join(out, 'manifests', name), 'utf8')) as { kind?: string }
    t.equal(job.kind, 'Job')
  }
  const logs = readdirSync(join(out, 'logs')).map(name =>
    readFileSync(join(out, 'logs', name), 'utf8'),
  )
  t.equal(logs.length, 4, 'a log for each job')
  t.ok(logs.every(log => log.startsWith('~~~ Job spawner')))
  t.match(readFileSync(join(out, 'artifacts/out/built-at.txt'), 'utf8'), /\d{4}/)
})

t.test('the exit status of a failing step is that of the process', async t => {
  const steps = `steps:
  - { command: "true", parallelism: 11 }
  - { command: "exit 7" }
  - wait
  - { command: "true" }
`
  const file = pipeline('failing.yml', steps)
  const out = join(folder, 'failing')
  const { status, stdout, stderr } = await runProgram(['sandbox', file, '--out', out])
  t.equal(status, 7, stdout.slice(-600))
  t.match(stdout, /build 1: failed/)
  t.match(stdout, /failed +exit 7/)
  t.match(stdout, /not run: what it depends on has failed/)
  t.equal(stderr, '', 'however many jobs there are')
})

t.test('SIGINT cancels the build, and the process ends with a failure', async t => {
  const command = `trap 'echo told to stop; exit 3' TERM; echo ready; sleep 60 & wait`
  const file = pipeline('long.yml', `steps: [{ command: ${JSON.stringify(command)} }]`)
  const { child, ended } = startProgram(['sandbox', file, '--out', join(folder, 'long')])
  t.teardown(() => void child.kill('SIGKILL'))
  let seen = ''
  child.stdout?.on('data', (data: Buffer) => {
    const before = seen
    seen += data.toString()
    const isReady = (text: string) => /\| ready/.test(text)
    if (isReady(seen) && !isReady(before)) child.kill('SIGINT')
  })
  const { status, stdout } = await ended
  t.ok(status !== 0 && status !== null, `exit status ${status}`)
  t.match(stdout, /cancelling the build/)
  t.match(stdout, /told to stop/)
  t.match(stdout, /build 1: canceled/)
  t.notMatch(stdout, /protocol violation/)
})
