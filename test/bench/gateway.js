// Measures the gateway on the loopback and prints a table; it judges nothing. Run by `npx tsc -p lib && node
// test/bench/gateway.js`. The gateway, the upstream behind it and the pods in front of it are a process each.
//   SECONDS   of each load (5)
//   PODS      that stream at once for the memory (500)
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { performance } from 'node:perf_hooks'
import { Agent, Pool } from 'undici'
import { pino } from 'pino'

const seconds = Number(process.env.SECONDS || 5)
const pods = Number(process.env.PODS || 500)
const secret = Buffer.alloc(32, 7).toString('base64url')
const idOf = n => `01890000-0000-4000-8000-${String(n).padStart(12, '0')}`
const podOf = n => `0a890000-0000-4000-8000-${String(n).padStart(12, '0')}`

const roles = { upstream, gateway, pods: measure }
await roles[process.argv[2] ?? 'pods']()

/** Takes everything and answers at once. */
async function upstream() {
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end('{"state":"running"}')
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  process.send({ port: server.address().port })
}

async function gateway() {
  const { Gateway } = await import('../../dist/gateway/server.js')
  const { openFence } = await import('../../dist/fence.js')
  const { systemClock } = await import('../../dist/clock.js')
  const { isFencedCall } = await import('../../dist/upstream/connection.js')
  const runs = new Map()
  for (let n = 0; n < pods; n++) runs.set(idOf(n), runOf(n, process.argv[3]))
  const fence = openFence()
  const made = new Gateway({
    listen: { host: '127.0.0.1', port: 0 },
    dispatcher: new Agent().compose(fence.interceptor(isFencedCall)),
    log: pino({ level: 'warn' }),
    clock: systemClock,
    find: id => runs.get(id),
    identify: async () => undefined,
    findOfPod: async () => undefined,
    fence,
    allowOtherBuilds: false,
    state: () => 'leading',
    cold: () => undefined,
  })
  process.on('message', () => {
    globalThis.gc?.()
    process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage.rss() })
  })
  process.send({ port: await made.listen() })
}

function runOf(n, endpoint) {
  const jobId = idOf(n)
  const requestHeaders = { 'Buildkite-Shard': '7' }
  return {
    jobId,
    secret,
    payload: { id: jobId, env: {} },
    over: false,
    acquirable: true,
    upstream: () => ({ jobId, token: 'bkaj_real', endpoint, requestHeaders }),
    bindPod: async () => 'bound',
    isPod: () => true,
    podConnected: () => {},
    podStarted: () => {},
    opening: async () => ({ sequence: 2, offset: 80 }),
    chunkBegan: () => {},
    chunkEnded: () => {},
    stateSeen: () => {},
    finishFromPod: async () => ({ state: 'done' }),
  }
}

async function measure() {
  const { credential } = await import('../../dist/gateway/credentials.js')
  const behind = await start('upstream')
  const direct = `http://127.0.0.1:${behind.port}`
  const front = await start('gateway', `${direct}/v3`)
  const through = `http://127.0.0.1:${front.port}`
  const tokens = [...Array(pods).keys()].map(
    n =>
      `Token ${credential('job', { jobId: idOf(n), podUid: podOf(n), addresses: ['127.0.0.1'], secret })}`,
  )
  const stats = async () => {
    front.child.send('stats')
    return (await once(front.child, 'message'))[0]
  }
  const rows = []
  const add = (what, value) => {
    rows.push({ what, value })
    console.log(`${what.padEnd(58)} ${value}`)
  }
  const call = (n, body) => ({
    method: body ? 'POST' : 'GET',
    path: body
      ? `/v3/jobs/${idOf(n)}/chunks?sequence=1&offset=0&size=9`
      : `/v3/jobs/${idOf(n)}/secrets?key=a`,
    headers: { authorization: tokens[n], 'content-encoding': 'gzip' },
    body,
  })

  for (const [name, body] of [
    ['GET', undefined],
    ['chunk of 1 kB', Buffer.alloc(1_000)],
    ['chunk of 100 kB', Buffer.alloc(100_000)],
  ]) {
    await latencies(through, call(0, body), 500)
    const [a, b] = [
      await latencies(direct, call(0, body), 3_000),
      await latencies(through, call(0, body), 3_000),
    ]
    add(`added latency, ${name}, p50`, ms(at(b, 0.5) - at(a, 0.5)))
    add(`added latency, ${name}, p99`, ms(at(b, 0.99) - at(a, 0.99)))
  }
  for (const [name, size] of [
    ['GET', 0],
    ['chunk of 1 kB', 1_000],
    ['chunk of 100 kB', 100_000],
  ]) {
    const body = size ? Buffer.alloc(size) : undefined
    const before = await stats()
    const { calls, elapsed } = await load(through, n => call(n % pods, body), 64)
    const after = await stats()
    const cpu = (cpuOf(after) - cpuOf(before)) / 1e6
    add(`requests/s, ${name}, 64 at a time`, Math.round(calls / elapsed))
    add(`requests per second of the gateway's CPU, ${name}`, Math.round(calls / cpu))
    if (size) add(`MB/s through it, ${name}`, ((calls * size) / 1e6 / elapsed).toFixed(1))
    if (size) add(`MB per second of its CPU, ${name}`, ((calls * size) / 1e6 / cpu).toFixed(1))
  }
  const rest = (await stats()).rss
  const { elapsed, most } = await large(through, tokens[0], stats)
  add('one body of 200 MB, MB/s', (200 / elapsed).toFixed(1))
  add('memory that it grew by meanwhile, MB', mb(most - rest))
  add('RSS at rest, MB', mb((await stats()).rss))
  const { most: peak, sent } = await streaming(through, n => call(n, Buffer.alloc(10_000)), stats)
  add(`RSS with ${pods} pods streaming (10 kB a second each), MB`, mb(peak))
  add('  chunks a second in all', Math.round(sent))
  behind.child.kill()
  front.child.kill()
}

async function start(role, ...more) {
  const child = fork(new URL(import.meta.url).pathname, [role, ...more], {
    execArgv: ['--expose-gc'],
  })
  const [{ port }] = await once(child, 'message')
  return { child, port }
}

async function latencies(origin, call, count) {
  const pool = new Pool(origin, { connections: 1 })
  const took = []
  for (let i = 0; i < count; i++) {
    const from = performance.now()
    await (await pool.request(call)).body.dump()
    took.push(performance.now() - from)
  }
  await pool.close()
  return took.sort((a, b) => a - b)
}

async function load(origin, callOf, atATime) {
  const pool = new Pool(origin, { connections: atATime })
  const from = performance.now()
  const until = from + seconds * 1_000
  let calls = 0
  const one = async n => {
    for (; performance.now() < until; n += atATime) {
      const { statusCode, body } = await pool.request(callOf(n))
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
      await body.dump()
      calls += 1
    }
  }
  await Promise.all([...Array(atATime).keys()].map(one))
  const elapsed = (performance.now() - from) / 1_000
  await pool.close()
  return { calls, elapsed }
}

async function large(origin, token, stats) {
  const piece = Buffer.alloc(1_000_000)
  let most = 0
  const from = performance.now()
  const headers = { authorization: token, 'content-length': piece.length * 200 }
  const path = `/v3/jobs/${idOf(0)}/artifacts`
  const outgoing = httpRequest(origin + path, { method: 'PUT', headers })
  const answered = once(outgoing, 'response')
  for (let i = 0; i < 200; i++) {
    if (!outgoing.write(piece)) await once(outgoing, 'drain')
    if (i % 20 === 0) most = Math.max(most, (await stats()).rss)
  }
  outgoing.end()
  const [response] = await answered
  response.resume()
  return { elapsed: (performance.now() - from) / 1_000, most }
}

async function streaming(origin, callOf, stats) {
  const until = performance.now() + 3 * seconds * 1_000
  let [most, sent] = [0, 0]
  const pod = async n => {
    const pool = new Pool(origin, { connections: 1, keepAliveTimeout: 60_000 })
    await new Promise(resolve => setTimeout(resolve, Math.random() * 1_000))
    while (performance.now() < until) {
      await (await pool.request(callOf(n))).body.dump()
      sent += 1
      await new Promise(resolve => setTimeout(resolve, 900 + Math.random() * 200))
    }
    await pool.close()
  }
  const watch = async () => {
    while (performance.now() < until) {
      most = Math.max(most, (await stats()).rss)
      await new Promise(resolve => setTimeout(resolve, 500))
    }
  }
  await Promise.all([watch(), ...[...Array(pods).keys()].map(pod)])
  return { most, sent: sent / (3 * seconds) }
}

function at(sorted, share) {
  return sorted[Math.floor(sorted.length * share)]
}

function cpuOf({ cpu }) {
  return cpu.user + cpu.system
}

function ms(value) {
  return `${value.toFixed(2)} ms`
}

function mb(bytes) {
  return (bytes / 1e6).toFixed(0)
}
