import { readFileSync } from 'node:fs'
import t from 'tap'
import { gatewayLimits } from '../../lib/gateway/limits.js'
import { routes, type Route } from '../../lib/gateway/routes.js'

// docs/gateway.md is what operators and auditors go by: it must say what the code does.

const page = readFileSync(new URL('../../docs/gateway.md', import.meta.url), 'utf8')

const answeredBy: Record<Exclude<Route['action'], 'refuse'>, string> = {
  register: 'gateway',
  connect: 'gateway',
  disconnect: 'gateway',
  heartbeat: 'gateway',
  ping: 'gateway',
  acquire: 'gateway',
  start: 'gateway',
  chunk: 'Buildkite; its numbers are moved behind our own lines',
  state: 'Buildkite; the job spawner reads the answer',
  finish: 'gateway; the job spawner delivers it to Buildkite',
  forward: 'Buildkite',
  step: 'Buildkite, when its body names no other build',
}

t.test('the table of routes is that of the code, row by row', async t => {
  const rows = page
    .split('\n')
    .map(line => line.split('|').map(cell => cell.trim()))
    .filter(([, call]) => /^`[A-Za-z]+ \/[^`]*`$/.test(call ?? ''))
    .map(([, call, token, answer]) => [call, token, answer])
  t.same(
    rows,
    routes.map(({ method, path, credential, action, why }) => [
      `\`${method} ${path}\``,
      credential,
      action === 'refuse' ? `refused: ${why}` : answeredBy[action],
    ]),
  )
})

t.test('each limit is told as it is', async t => {
  const { held, heldPerPod, callsPerPod, reviews } = gatewayLimits
  const told: [string, string][] = [
    ['a call is held', seconds(gatewayLimits.holdMs)],
    ["a heartbeat, a ping, the job's state are held", seconds(gatewayLimits.shortHoldMs)],
    ['calls that are held', `${held}`],
    ['of one pod', `${heldPerPod}`],
    ['calls of one pod that are served', `${callsPerPod}`],
    ['TokenReviews', `${reviews}`],
    ['nothing moves in the middle of a call', seconds(gatewayLimits.idleMs)],
    ['headers of a call, or a connection without a call', seconds(gatewayLimits.headersMs)],
    ['size of the headers', `${gatewayLimits.headerBytes / 1024} KiB`],
    ['size of a body that the gateway reads itself', `${gatewayLimits.bodyBytes / 1024} KiB`],
    ['the rest of a body after the answer', seconds(gatewayLimits.drainMs)],
  ]
  t.equal(told.length, Object.keys(gatewayLimits).length)
  for (const [what, value] of told) {
    const row = page.split('\n').find(line => line.split('|')[1]?.trim() === what)
    t.equal(row?.split('|')[2]?.trim(), value, what)
  }
})

function seconds(ms: number): string {
  return `${ms / 1_000} s`
}
