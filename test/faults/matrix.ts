import type { Happening, Point } from './hook/plan.js'
import type { Story } from './stories.js'

/** One case of the crash matrix: a process of a story dies at one point of its life. */
export interface CrashCase {
  name: string
  story: Story
  point: Point
  /** Whether a story that does not come to the point is a failure: counts differ a little from run to run. */
  certain: boolean
}

/** What a process of a story did when nothing was in its way. */
export interface Recording {
  story: Story
  happenings: readonly Happening[]
}

/** An effect as the recordings have it. */
export interface KnownEffect {
  effect: string
  writes: boolean
  /** How often, in the story that shows it first. */
  count: number
  story: Story
}

// Only every so often while a job runs, and the jobs of a story may be over before that.
const whileJobsRun = /heartbeat/

// Asked by the suite itself, to know which process is ready.
const notOurs = /^gateway GET \/(readyz|healthz|warmz)$/

/** Every effect that the recordings show, in the order in which they first come. */
export function effectsOf(recordings: readonly Recording[]): KnownEffect[] {
  const known = new Map<string, KnownEffect>()
  for (const { story, happenings } of recordings) {
    for (const { effect, moment, writes } of happenings) {
      if (moment !== 'before' || notOurs.test(effect)) continue
      const key = writes && /secrets/.test(effect) ? `${effect} in ${story.name}` : effect
      const seen = known.get(key)
      if (!seen) known.set(key, { effect, writes, count: 1, story })
      else if (seen.story === story) seen.count += 1
    }
  }
  return [...known.values()]
}

/** The cases for these effects: all of them for a long run, at least one for each effect for a short one. */
export function casesOf(effects: readonly KnownEffect[], { long }: { long: boolean }): CrashCase[] {
  return effects.flatMap(known =>
    occurrences(known, long).flatMap((nth, index) =>
      momentsOf(known, long).map(moment => ({
        name: `${known.effect}: ${moment}${nth === 1 ? '' : ` number ${nth}`} (${known.story.name})`,
        story: known.story,
        point: { effect: known.effect, moment, nth },
        certain: index === 0 && !whileJobsRun.test(known.effect),
      })),
    ),
  )
}

// A crash before a read is a crash after what was done before it: those are for long runs. An answer to a pod changes
// nothing by itself; that it is lost is what matters.
function momentsOf({ effect, writes }: KnownEffect, long: boolean): ('before' | 'after')[] {
  if (long) return ['before', 'after']
  if (!writes) return []
  return effect.startsWith('gateway ') ? ['before'] : ['before', 'after']
}

// What is done often is done for different reasons.
function occurrences({ effect, count, writes }: KnownEffect, long: boolean): number[] {
  if (!writes || effect.startsWith('gateway ')) return [1]
  if (long) return Array.from({ length: Math.min(count, 6) }, (_, index) => index + 1)
  return [1]
}

/** The cases that one world can be used for, one after the other, at most `length` of them. */
export function chainsOf(cases: readonly CrashCase[], length: number): CrashCase[][] {
  const chains: CrashCase[][] = []
  for (const one of cases) {
    const open = chains.find(chain => chain[0]?.story === one.story && chain.length < length)
    if (open && one.story.process !== 'first') open.push(one)
    else chains.push([one])
  }
  return chains
}
