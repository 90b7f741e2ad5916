import { silentLog } from '../../lib/log.js'
import { SlotPool, type PoolOptions } from '../../lib/slots/pool.js'
import type { Slot } from '../../lib/slots/slot.js'
import type { AgentSession } from '../../lib/upstream/session.js'
import { HandClock } from '../cluster-client/hand-clock.js'
import { token } from '../sandbox/buildkite/client.js'
import { connection } from '../upstream/scripted.js'

interface Test {
  teardown(end: () => unknown): void
}

/** A run that a test ends. */
export interface Work {
  slot: Slot
  jobId: string
  over: () => void
}

/** A pool at that endpoint, on a clock that a test moves by hand. It ends with the test. */
export function poolOf(t: Test, given: Partial<PoolOptions> & { endpoint: string }) {
  const clock = new HandClock()
  const works: Work[] = []
  const kept: [number, AgentSession][] = []
  const forgotten: number[] = []
  const pool = new SlotPool({
    token,
    tags: ['queue=default'],
    name: 'ci-%i',
    size: 1,
    connection: connection(t),
    log: silentLog(),
    clock,
    keep: async (slot, session) => void kept.push([slot.index, session]),
    forget: async slot => void forgotten.push(slot.index),
    work: (slot, jobId) =>
      new Promise(resolve => void works.push({ slot, jobId, over: () => resolve() })),
    ...given,
  })
  t.teardown(() => pool.abandon())
  const states = () => pool.slots.map(({ state }) => state)
  return { pool, clock, works, kept, forgotten, states }
}

/** Resolves when the condition holds, moving the clock on by a second whenever nothing else happens. */
export async function untilBy(clock: HandClock, condition: () => boolean): Promise<void> {
  while (!condition()) {
    clock.advance(1_000)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

/** A promise that a test resolves. */
export function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>(done => (resolve = done))
  return { promise, resolve }
}
