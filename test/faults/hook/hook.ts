// Loaded into a process before the program (node --import): tells what it does, and ends or stalls it where it is told to.
import { subscribe } from 'node:diagnostics_channel'
import fs, { openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { syncBuiltinESMExports } from 'node:module'
import { effectOf, type Peer } from './names.js'
import type { Happening, HookInput, Moment, Plan, Point } from './plan.js'

interface SentRequest {
  origin: string | URL
  method: string
  path: string
}

const input = JSON.parse(process.env['FAULTS_HOOK'] ?? '') as HookInput
const { history, control, peers } = input
delete process.env['FAULTS_HOOK']
const file = openSync(history, 'a')
const counts = new Map<string, number>()
let plan = input.plan
let version = versionOfControl()

function versionOfControl(): string | undefined {
  const found = statSync(control, { throwIfNoEntry: false })
  return found && `${found.ino} ${found.mtimeMs}`
}

/** Takes the plan that has come since, if one has. */
function look(): void {
  const now = versionOfControl()
  if (now === version) return
  version = now
  plan = JSON.parse(readFileSync(control, 'utf8')) as Plan
  counts.clear()
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function happens(
  peer: Peer,
  moment: Moment,
  request: { method: string; path: string } & Pick<Happening, 'status' | 'pod'>,
): void {
  const { name: effect, writes } = effectOf(peer, request.method, request.path)
  const { path, status, pod } = request
  const { pid } = process
  const note = (what: Moment) => {
    const line: Happening = { at: now(), pid, moment: what, effect, writes, path, status, pod }
    // At once: what is in a buffer is lost with the process.
    writeSync(file, `${JSON.stringify(line)}\n`)
  }
  look()
  note(moment)
  const key = `${moment} ${effect}`
  const nth = (counts.get(key) ?? 0) + 1
  counts.set(key, nth)
  const isHere = (point: Point | undefined) =>
    point?.effect === effect && point.moment === moment && point.nth === nth
  if (plan.stall && isHere(plan.stall)) {
    note('stalled')
    stall(plan.stall.ms)
  }
  if (isHere(plan.kill)) process.kill(process.pid, 'SIGKILL')
}

function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function onRequest(channel: string, moment: Moment): void {
  subscribe(`undici:${channel}`, message => {
    const { request, response } = message as {
      request: SentRequest
      response?: { statusCode: number }
    }
    const peer = peers[new URL(request.origin).host]
    const { method, path } = request
    if (peer) happens(peer, moment, { method, path, status: response?.statusCode })
  })
}

function onAnswer(response: ServerResponse, moment: Moment): void {
  const { method = 'GET', url = '/', headers } = response.req
  const pod = podOf(headers.authorization)
  happens('gateway', moment, { method, path: url, status: response.statusCode, pod })
}

/** Whose service account token it is, as the token itself says. */
function podOf(authorization = ''): string | undefined {
  const [, claims = ''] = authorization.split('.')
  try {
    const said = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      'kubernetes.io'?: { pod?: { uid?: string } }
    }
    return said['kubernetes.io']?.pod?.uid
  } catch {
    return undefined
  }
}

/** The moment before the first byte of an answer goes out, which has no channel of its own. */
function watchAnswers(): void {
  const told = new WeakSet<ServerResponse>()
  // eslint-disable-next-line @typescript-eslint/unbound-method
  const { writeHead } = ServerResponse.prototype
  type Arguments = Parameters<typeof writeHead>
  ServerResponse.prototype.writeHead = function (this: ServerResponse, ...given: Arguments) {
    if (!told.has(this) && this.req instanceof IncomingMessage) {
      told.add(this)
      this.statusCode = given[0]
      onAnswer(this, 'before')
    }
    return writeHead.apply(this, given)
  } as typeof writeHead
  subscribe('http.server.request.start', message => {
    const { response } = message as { response: ServerResponse }
    onAnswer(response, 'came')
  })
  subscribe('http.server.response.finish', message => {
    const { response } = message as { response: ServerResponse }
    onAnswer(response, 'after')
  })
}

function skewClock(ms: number): void {
  const RealDate = Date
  const skewed = () => RealDate.now() + ms
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [skewed()] : given) as [number]))
    }
    static override now(): number {
      return skewed()
    }
  } as DateConstructor
}

/** Gives the machine another boot id, by which processes know whether they share one. */
function moveTo(machine: string): void {
  const { readFileSync } = fs
  fs.readFileSync = ((...given: Parameters<typeof readFileSync>) =>
    given[0] === '/proc/sys/kernel/random/boot_id'
      ? machine
      : readFileSync(...given)) as typeof readFileSync
  syncBuiltinESMExports()
}

if (plan.machine !== undefined) moveTo(plan.machine)
if (plan.skewMs !== undefined) skewClock(plan.skewMs)
onRequest('request:create', 'made')
onRequest('client:sendHeaders', 'before')
onRequest('request:headers', 'after')
onRequest('request:trailers', 'over')
onRequest('request:error', 'failed')
watchAnswers()
