import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import { story, type Fact } from '../pod/narration/story.js'
import { isTellingTime, telling, toldAlready, type Told } from '../pod/narration/telling.js'
import type { Verdict } from '../pod/verdict/verdict.js'
import type { Notes } from './notes.js'
import type { SupervisedRun } from './supervised-run.js'

/** What there is to tell of a run that waits. */
export interface ToTell {
  pod: V1Pod | undefined
  job: V1Job | undefined
  events: readonly CoreV1Event[]
  jobEvents: readonly CoreV1Event[]
  claimEvents: readonly CoreV1Event[]
  verdict: Verdict
  /** Milliseconds since 1970. */
  now: number
  redact: (text: string) => string
}

// What an earlier process has seen for so long, it has told.
const toldByOthersMs = 15_000

/**
 * Writes into the job's log what is new about its pod. `leadingSince` is when this process began to supervise: of runs
 * that are older, an earlier process has told what happened before.
 */
export function narrate(
  run: SupervisedRun,
  notes: Notes,
  { toTell, leadingSince }: { toTell: ToTell; leadingSince: number },
): void {
  const { now } = toTell
  const times = { waitingSinceMs: run.acceptedAt, now }
  if (notes.saying || !isTellingTime(notes.told, times)) return
  const facts = story(toTell)
  const earlier = run.acceptedAt < leadingSince ? leadingSince - toldByOthersMs : -Infinity
  notes.told = toldBefore(facts, notes.told, earlier)
  const next = telling(facts, notes.told, times)
  if (!next) return
  notes.told = next.told
  notes.saying = true
  run
    .say(next.lines)
    .catch((err: unknown) => run.log.warn({ err }, 'why the pod waits is not in the log'))
    .finally(() => (notes.saying = false))
}

function toldBefore(facts: readonly Fact[], told: Told, before: number): Told {
  const old = facts.filter(({ key, atMs }) => atMs < before && !told.keys.has(key))
  if (old.length === 0) return told
  const { keys, words } = toldAlready(old, before)
  return {
    ...told,
    keys: new Set([...told.keys, ...keys]),
    words: new Map([...(told.words ?? []), ...(words ?? [])]),
  }
}
