import type { Plan } from './hook/plan.js'
import { within } from './time.js'
import { unrest, type FaultWorld, type Submitted } from './world.js'

/** A piece of the life of a process: what it does there is what the crash matrix is made of. */
export interface Story {
  name: string
  /**
   * Which process counts, and may die: the one that runs already, the one that the story itself starts after another, or
   * the first one of a new world.
   */
  process: 'running' | 'next' | 'first'
  /** Tells it; `plan` is for the process that counts, when that does not run yet. */
  tell(world: FaultWorld, plan: Plan): Promise<void>
}

const patienceMs = 20_000

/**
 * The stories that together show everything that the program does. What several of them show is taken from the first, but
 * for the ledger, which is written for other reasons in each.
 */
export const stories: readonly Story[] = [
  {
    name: 'jobs',
    process: 'running',
    tell: async world => {
      world.submit('badPlugin')
      world.submit('data')
      await calm(world)
    },
  },
  {
    name: 'cancel',
    process: 'running',
    tell: async world => {
      await cancel(world, world.submit('cancel'))
      await calm(world)
    },
  },
  {
    name: 'start',
    process: 'first',
    tell: async (world, plan) => {
      world.submit('quick')
      world.members[0]?.replica.start(plan)
      await calm(world)
    },
  },
  {
    name: 'recovery',
    process: 'next',
    tell: async (world, plan) => {
      await printed(world, world.submit('lines'))
      world.members[0]?.replica.planNext(plan)
      await world.members[0]?.replica.crash()
      await calm(world)
    },
  },
  {
    name: 'drain',
    process: 'running',
    tell: async world => {
      await printed(world, world.submit('lines'))
      world.members[0]?.replica.signal('SIGTERM')
      await calm(world)
    },
  },
]

/** Waits until the job's command has printed its first line. */
export async function printed(world: FaultWorld, job: Submitted): Promise<boolean> {
  return (await within(patienceMs, () => /^n=1\r*$/m.test(world.view(job).log))) ?? false
}

/** Cancels a job, as a person does, when its command runs. */
export async function cancel(world: FaultWorld, job: Submitted): Promise<void> {
  await printed(world, job)
  world.upstream.cancelJob(job.id)
}

/** Waits until all is at rest; what is not when that takes too long. */
export async function calm(world: FaultWorld, ms = world.limits.restMs) {
  await within(ms, () => unrest(world).length === 0)
  return unrest(world)
}
