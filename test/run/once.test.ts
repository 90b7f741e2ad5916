import fc from 'fast-check'
import t from 'tap'
import type { Told } from '../../lib/run/ending.js'
import type { Run } from '../../lib/run/run.js'
import { stopCause } from '../../lib/run/ending.js'
import { HastyClock } from '../cluster-client/hand-clock.js'
import { jobUpstream, runAt, tiled } from './run-of.js'

// Whatever comes first of what a pod reports, what we conclude of it and what people want, however upstream and the
// ledger answer: one finish, and a log without a hole before it.

interface Event {
  kind: 'pod' | 'verdict' | 'cancel' | 'say'
  /** How many turns of the event loop it comes after the one before. */
  turns: number
}

interface Plan {
  events: Event[]
  /** What upstream answers to finishes before it takes one. */
  faults: number[]
  explain: { told: Told | 'fails' | undefined; turns: number }
  /** Whether the ledger takes what is written. */
  ledger: boolean
}

const told: Told = {
  cause: 'OOMKilled',
  message: 'x',
  lines: ['+++ Job spawner: OOMKilled', 'x'],
  amend: { exit_status: '137', signal: 'SIGKILL' },
}

const turns = fc.integer({ min: 0, max: 6 })
const ending = fc.constantFrom('pod' as const, 'verdict' as const, 'cancel' as const)
const event = fc.record({ kind: fc.oneof(ending, fc.constant('say' as const)), turns })
const plan: fc.Arbitrary<Plan> = fc.record({
  events: fc
    .tuple(fc.array(event, { maxLength: 5 }), fc.record({ kind: ending, turns }))
    .map(([some, last]) => [...some, last]),
  faults: fc.array(fc.constantFrom(503, 429, 500), { maxLength: 3 }),
  explain: fc.record({ told: fc.constantFrom(told, 'fails' as const, undefined), turns }),
  ledger: fc.boolean(),
})

async function pass(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise(resolve => setImmediate(resolve))
}

function happen(run: Run, { kind }: Event): Promise<unknown> {
  switch (kind) {
    case 'pod':
      return run.finishFromPod({ exit_status: '255', chunks_failed_count: 0 })
    case 'verdict':
      return run.end({ cause: 'x', message: 'y', exitStatus: -1, signalReason: 'stack_error' })
    case 'cancel':
      return run.end(stopCause('canceling', run))
    case 'say':
      return run.say(['waiting', 'and waiting'])
  }
}

t.test('whatever the order of its ends, a run is finished once', async t => {
  const check = async ({ events, faults, explain, ledger }: Plan) => {
    const left = [...faults]
    let taken = 0
    const upstream = await jobUpstream(t, ({ path, method, json }) => {
      const isOver = taken > 0
      if (method === 'GET') return isOver ? { status: 401 } : undefined
      if (!path.endsWith('/finish')) return undefined
      if (JSON.stringify(json).includes('stack_error')) return { status: 422 }
      const status = left.shift()
      if (status !== undefined) return { status }
      taken++
      return isOver ? { status: 422 } : undefined
    })
    const { run } = runAt(t, upstream.endpoint, {
      clock: new HastyClock(14_000),
      keep: () => (ledger ? Promise.resolve() : Promise.reject(new Error('no ledger'))),
      explain: async () => {
        await pass(explain.turns)
        if (explain.told === 'fails') throw new Error('a fault of ours')
        return explain.told
      },
    })
    await run.begin()
    const happening: Promise<unknown>[] = []
    for (const event of events) {
      await pass(event.turns)
      happening.push(happen(run, event))
    }
    await Promise.all([run.ended, ...happening])
    const bodies = upstream.finishes().map(body => JSON.stringify(body))
    const real = bodies.filter(body => !body.includes('stack_error'))
    const log = tiled(upstream.chunks())
    const isOne = taken === 1 && new Set(real).size === 1
    if (!isOne) throw new Error(`taken ${taken} times: ${bodies.join(' ')}`)
    if (log === undefined) throw new Error(`a hole: ${JSON.stringify(upstream.chunks())}`)
    const calls = upstream.calls()
    if (!calls.at(-1)?.endsWith('/finish')) throw new Error(`after it: ${calls.join(' ')}`)
  }
  await fc.assert(fc.asyncProperty(plan, check), { numRuns: 150 })
  t.pass('in all of them')
})
