import { judged, type Outcome } from './outcome.js'
import { record } from './record.js'
import { play, type Scenario } from './scenarios.js'
import { perform, scheduleOf, told } from './schedule.js'
import { calm } from './stories.js'
import { now } from './time.js'
import { startWorld, type WorldOptions } from './world.js'

/** One of the scenarios of two processes. */
export async function byScenario(scenario: Scenario, options: WorldOptions): Promise<Outcome> {
  const began = now()
  const { flags } = scenario
  const world = await startWorld({ ...options, replicas: 2, flags: { ...options.flags, ...flags } })
  try {
    const note = await play(scenario, world)
    const history = await record(world, await calm(world))
    const about = { group: 'two processes', name: scenario.name, ms: now() - began, note }
    const planned = scenario.plans?.flat().some(({ stall }) => stall)
    const missed = planned && !history.happenings.some(({ moment }) => moment === 'stalled')
    const what = 'the process did not come to the point where it was to stall'
    return judged(history, about, missed ? [{ invariant: 'the fault takes place', what }] : [])
  } finally {
    await world.close()
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
