import type { Happening } from './hook/plan.js'
import type { CrashCase, Recording } from './matrix.js'
import { judged, type Outcome } from './outcome.js'
import { record } from './record.js'
import { calm, type Story } from './stories.js'
import { now, within } from './time.js'
import { startWorld, unrest, type FaultWorld, type WorldOptions } from './world.js'

/** A story without any fault: what its process does, and whether all promises hold then. */
export async function recordStory(
  story: Story,
  options: WorldOptions,
): Promise<{ recording: Recording; outcome: Outcome }> {
  const began = now()
  const world = await worldFor(story, options)
  try {
    const from = now()
    const pid = story.process === 'running' ? world.members[0]?.replica.life?.pid : undefined
    await story.tell(world, {})
    const history = await record(world, unrest(world))
    const counted = pid ?? history.lives.at(story.process === 'first' ? 0 : 1)?.pid
    const happenings = history.happenings.filter(one => one.pid === counted && one.at >= from)
    const about = { group: 'without a fault', name: story.name, ms: now() - began }
    return { recording: { story, happenings }, outcome: judged(history, about) }
  } finally {
    await world.close()
  }
}

/**
 * One case after the other in the same world, as long as nothing is broken: a process dies at a point of a story and is
 * started again.
 */
export async function crashes(
  cases: readonly CrashCase[],
  options: WorldOptions,
  done: (outcome: Outcome) => void,
): Promise<void> {
  const left = [...cases]
  while (left[0]) {
    const world = await worldFor(left[0].story, options)
    try {
      for (let one = left.shift(); one; one = left.shift()) {
        const outcome = await crash(one, world)
        done(outcome)
        if (outcome.violations.length > 0 || one.story.process === 'first') break
      }
    } finally {
      await world.close()
    }
  }
}

async function crash(
  { name, story, point, certain }: CrashCase,
  world: FaultWorld,
): Promise<Outcome> {
  const began = now()
  const plan = { kill: point }
  world.faults += 1
  if (story.process === 'running') world.members[0]?.replica.arm(plan)
  await story.tell(world, plan)
  if (byTheClock.test(point.effect)) await nextBeat(world, began)
  const history = await record(world, unrest(world))
  const about = { group: 'crash', name, ms: now() - began }
  const isPoint = ({ moment, effect, at }: Happening) =>
    at >= began && moment === point.moment && effect === point.effect
  const died = history.lives.some(({ pid, end }) => {
    const last = history.happenings.findLast(one => one.pid === pid)
    return end === 'SIGKILL' && last !== undefined && isPoint(last)
  })
  const missed = 'the process did not come to this point'
  if (!died && certain) {
    return judged(history, about, [{ invariant: 'the fault takes place', what: missed }])
  }
  return judged(history, { ...about, note: died ? undefined : missed })
}

// What a process does every few seconds, whatever happens: a story may be over before that.
const byTheClock = /PUT leases|GET \/ping/
const beatMs = 8_000

async function nextBeat(world: FaultWorld, since: number): Promise<void> {
  const lives = () => world.members.flatMap(({ replica }) => replica.lives)
  const died = () =>
    lives().some(({ end, endedAt }) => end === 'SIGKILL' && (endedAt ?? 0) >= since)
  if (await within(beatMs, () => died() || undefined)) await calm(world)
}

async function worldFor(story: Story, options: WorldOptions): Promise<FaultWorld> {
  const world = await startWorld(options)
  if (story.process !== 'first') {
    world.members[0]?.replica.start()
    await calm(world)
  }
  return world
}
