import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FaultRule } from '../../../lib/sandbox/buildkite/faults.js'
import { counted, countingPipeline, endsWhole, leavesNoOrphan } from '../harness/counting.js'
import { startWorld } from '../harness/world.js'

// Buildkite itself is away, so that it calls nobody lost: heartbeats pass. By hand for longer, such as ten minutes.
const outageSeconds = Number(process.env['OUTAGE_SECONDS'] ?? 60)

t.jobs = 3

t.test('upstream gives no answer', t => away(t, { reset: 'before' }))

t.test('upstream is overloaded: 503', t => away(t, { status: 503 }))

t.test('upstream has enough of us: 429, come again in 5 s', t =>
  away(t, { status: 429, headers: { 'retry-after': '5' } }),
)

/** One job runs all through the outage, and one ends in it. */
async function away(t: Test, trouble: Omit<FaultRule, 'match'>): Promise<void> {
  const { upstream, namespaces, ...world } = await startWorld(t)
  const begin = (to: number) => world.begin(countingPipeline({ to, seconds: 1, exitStatus: 3 })).id
  const last = outageSeconds + 30
  const [through, within] = [begin(last), begin(15)]
  const running = () => [through, within].every(id => counted(upstream.job(id)).length > 0)
  await upstream.waitFor(running, { timeoutMs: 60_000, what: 'the jobs to run' })
  const mend = upstream.fault({ match: { path: /^(?!.*\/heartbeat$)/ }, ...trouble })
  await delay(outageSeconds * 1_000)
  mend()
  const seconds = 180 + outageSeconds
  await endsWhole(t, upstream, within, { to: 15, exitStatus: 3, seconds })
  await endsWhole(t, upstream, through, { to: last, exitStatus: 3, seconds })
  await leavesNoOrphan(t, upstream, namespaces.jobs)
}
