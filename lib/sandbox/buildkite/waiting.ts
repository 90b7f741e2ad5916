import { Problem } from '../../errors.js'
import type { World } from './world.js'

/** How long to wait, and what to call it when it does not come. */
export interface WaitOptions {
  timeoutMs?: number
  what?: string
}

/** Conditions that someone waits for, tried again after each change of the world. */
export class Waiting {
  readonly #world: World
  readonly #stops = new Set<() => void>()

  constructor(world: World) {
    this.#world = world
  }

  /**
   * Resolves with what `condition` gives as soon as that is not false, null or undefined.
   * @throws Problem INTERNAL after `timeoutMs` of real time (30 s by default), or when the emulator closes
   */
  async waitFor<Value>(
    condition: () => Value | false | null | undefined,
    { timeoutMs = 30_000, what = 'the condition' }: WaitOptions = {},
  ): Promise<Value> {
    const world = this.#world
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        world.off('change', attempt)
        world.off('violation', attempt)
        this.#stops.delete(stop)
      }
      const fail = (why: string) => {
        end()
        reject(new Problem('INTERNAL', `${what}: ${why}`, { found: situation(world) }))
      }
      const stop = () => fail('the emulator has closed')
      const timer = setTimeout(() => fail(`not seen within ${timeoutMs} ms`), timeoutMs)
      const attempt = () => {
        try {
          const value = condition()
          if (value === false || value === null || value === undefined) return
          end()
          resolve(value)
        } catch (error) {
          end()
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      }
      this.#stops.add(stop)
      world.on('change', attempt)
      world.on('violation', attempt)
      attempt()
    })
  }

  /** Ends all waiting. */
  close(): void {
    for (const stop of this.#stops) stop()
  }
}

function situation(world: World): string {
  const jobs = [...world.jobs.values()].map(
    job => `${job.step.step.command.slice(0, 30)}: ${job.state}`,
  )
  const agents = [...world.agents.values()].map(agent => `${agent.name}: ${agent.state}`)
  return (
    [...jobs.slice(-10), ...agents.slice(-10), ...world.violations.slice(-5)].join('; ') ||
    'nothing yet'
  )
}
