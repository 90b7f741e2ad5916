import { messageOf } from '../../lib/errors.js'
import type { Violation } from './invariants/all.js'
import { judged, type Outcome } from './outcome.js'
import { record } from './record.js'
import { play, type Scenario } from './scenarios.js'
import { perform, scheduleOf, told } from './schedule.js'
import { calm } from './stories.js'
import { now } from './time.js'
import { startWorld, type FaultWorld, type WorldOptions } from './world.js'

/** One of the scenarios of two processes. */
export async function byScenario(scenario: Scenario, options: WorldOptions): Promise<Outcome> {
  const began = now()
  const { flags } = scenario
  const world = await startWorld({ ...options, replicas: 2, flags: { ...options.flags, ...flags } })
  try {
    const { note, broken } = await played(scenario, world)
    const history = await record(world, await calm(world))
    const about = { group: 'two processes', name: scenario.name, ms: now() - began, note }
    const planned = scenario.plans?.flat().some(({ stall }) => stall)
    const missed = planned && !history.happenings.some(({ moment }) => moment === 'stalled')
    const what = 'the process did not come to the point where it was to stall'
    const late = missed ? [{ invariant: 'the fault takes place', what }] : []
    return judged(history, about, [...broken, ...late])
  } finally {
    await world.close()
  }
}

// One that can't be played to its end is a failure that is looked into as all others are.
async function played(
  scenario: Scenario,
  world: FaultWorld,
): Promise<{ note?: string; broken: Violation[] }> {
  try {
    return { note: await play(scenario, world), broken: [] }
  } catch (error) {
    return { broken: [{ invariant: 'the case is played', what: messageOf(error) }] }
  }
}

/** What a seed has in store. */
export async function byChance(seed: number, options: WorldOptions): Promise<Outcome> {
  const began = now()
  const schedule = scheduleOf(seed)
  const world = await startWorld({ ...options, replicas: schedule.replicas })
  try {
    const met = await perform(schedule, world)
    const history = await record(world, await calm(world))
    const note = `${met} requests met with trouble`
    const about = { group: 'chance', name: told(schedule), ms: now() - began, seed, note }
    return judged(history, about)
  } finally {
    await world.close()
  }
}
