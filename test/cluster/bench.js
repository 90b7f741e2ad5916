// Measures the program on a real cluster and prints figures; it judges nothing. Run by `npm run bench:cluster`, with the
// same environment variables as the cluster suite. The jobs are `true` in the agent's own image, without a checkout.
//   JOBS      jobs whose times are taken, one after the other (20)
//   BURST     jobs of the burst for memory and writes (200)
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmulator } from '../../dist/sandbox/buildkite/server.js'

const env = process.env
const state = env.CLUSTER_STATE || join(tmpdir(), 'job-spawner-cluster')
const kubeconfig = env.KUBECONFIG || join(state, 'kubeconfig')
const host = env.JOB_SPAWNER_TEST_HOST_ADDRESS || '10.244.0.1'
const image = env.JOB_SPAWNER_TEST_AGENT_IMAGE || 'local/agent:3'
const jobs = Number(env.JOBS || 20)
const burst = Number(env.BURST || 200)
const inFlight = 10
const limit = { timeoutMs: 15 * 60_000 }

const upstream = await startEmulator({
  token: 'bench',
  host: '0.0.0.0',
  publicHost: host,
  defaultQueue: 'bk-operator',
})
const spawner = spawn(
  process.execPath,
  [
    new URL('../../bin/job-spawner', import.meta.url).pathname,
    'run',
    `--endpoint=${upstream.endpoint}`,
    '--name=bench-%i',
    `--max-in-flight=${inFlight}`,
    '--namespace=bench-jobs',
    '--ledger-namespace=bench-ledger',
    `--kubeconfig=${kubeconfig}`,
    `--agent-image=${image}`,
    '--image-pull-policy=IfNotPresent',
    '--gateway-listen=0.0.0.0:0',
    '--metrics-listen=127.0.0.1:0',
    '--job-ttl=1s',
    '--log-level=debug',
  ],
  { env: { ...env, BUILDKITE_AGENT_TOKEN: 'bench' }, stdio: ['ignore', 'ignore', 'pipe'] },
)
const lines = []
createInterface({ input: spawner.stderr }).on('line', line => {
  try {
    lines.push(JSON.parse(line))
  } catch {
    process.stderr.write(`${line}\n`)
  }
})

const pipeline = 'steps: [{ command: "true" }]'
const options = { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } }
const done = build => ['passed', 'failed', 'canceled'].includes(build.state) && build

try {
  await upstream.waitFor(() => upstream.agents().length === inFlight, limit)
  await runOne() // warms caches
  await settle()
  const idle = rss()
  const rows = []
  for (let i = 0; i < jobs; i++) {
    // At a chance moment of the ping interval, so that its share of the wait is in the figures.
    await new Promise(resolve => setTimeout(resolve, 1_000 + Math.random() * 1_000))
    rows.push(await runOne())
  }
  print(`one after the other, ${jobs} jobs of true (ms from created at Buildkite)`, rows)

  const from = Date.now()
  const builds = Array.from({ length: burst }, () => upstream.createBuild(pipeline, options))
  await Promise.all(builds.map(({ id }) => upstream.waitFor(() => done(upstream.build(id)), limit)))
  const seconds = (Date.now() - from) / 1000
  const failed = builds.filter(({ id }) => upstream.build(id).state !== 'passed').length
  console.log(`burst of ${burst}, ${inFlight} in flight: ${seconds.toFixed(1)} s, ${failed} failed`)
  console.log(`RSS MB: idle ${idle}, after ${burst} more jobs ${rss()}`)
  const writes = writesSince(from)
  // The lease is renewed by the clock, whatever the jobs.
  const { 'update leases': renewals = 0, ...others } = writes
  const total = Object.values(others).reduce((sum, n) => sum + n, 0)
  console.log(`writes of ours in the burst: ${(total / burst).toFixed(2)} a job`, others)
  console.log(`and ${renewals} renewals of the lease`)
  console.log(`objections of upstream: ${upstream.violations.length}`)
} finally {
  const ended = new Promise(resolve => spawner.once('exit', resolve))
  spawner.kill('SIGTERM')
  await ended
  await upstream.close()
}

async function runOne() {
  const build = upstream.createBuild(pipeline, options)
  const {
    jobs: [job],
  } = await upstream.waitFor(() => done(upstream.build(build.id)), limit)
  const { created, accepted, started, finished } = job.times
  const at = test => Date.parse(lines.find(test)?.time ?? '') - created
  return {
    accepted: accepted - created,
    started: started - created,
    'Job posted': at(({ job: id, msg }) => id === job.id && msg === 'Job created'),
    'agent acquired': at(({ path }) => path === `/v3/jobs/${job.id}/acquire`),
    finished: finished - created,
  }
}

function print(title, rows) {
  console.log(title)
  for (const name of Object.keys(rows[0])) {
    const sorted = rows.map(row => row[name]).sort((a, b) => a - b)
    const p50 = sorted[Math.floor(sorted.length / 2)]
    console.log(`  ${name.padEnd(15)} p50 ${String(p50).padStart(5)}   max ${sorted.at(-1)}`)
  }
}

async function settle() {
  await upstream.waitFor(() => upstream.jobs().every(({ state }) => state === 'finished'), limit)
}

function rss() {
  const status = readFileSync(`/proc/${spawner.pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}

function writesSince(from) {
  const counts = {}
  for (const line of readFileSync(join(state, 'log', 'audit.log'), 'utf8').split('\n')) {
    if (!line.includes('"job-spawner/')) continue
    const { verb, objectRef, requestReceivedTimestamp } = JSON.parse(line)
    if (Date.parse(requestReceivedTimestamp) < from) continue
    const key = `${verb} ${objectRef?.resource}`
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
