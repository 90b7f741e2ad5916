import type { Fact } from './facts.js'

/** What has been told of a run so far. */
export interface Told {
  /** The facts' keys. */
  keys: ReadonlySet<string>
  /** When something was told last, in milliseconds since 1970. */
  lastMs: number | undefined
  /** In which words, and when, for those facts that may be told again in others. */
  words?: ReadonlyMap<string, Words>
}

interface Words {
  text: string
  atMs: number
}

/** Where every run begins. */
export const nothingTold: Told = { keys: new Set(), lastMs: undefined }

/** For a run of which another process has told these facts already. */
export function toldAlready(facts: readonly Fact[], atMs: number): Told {
  return {
    keys: new Set(facts.map(({ key }) => key)),
    lastMs: undefined,
    words: wordsOf(facts, atMs),
  }
}

/** When a run began to wait, and what time it is, in milliseconds since 1970. */
export interface TellingTimes {
  waitingSinceMs: number
  now: number
}

// Each telling is a write of the ledger, and a quick job should cost none.
const quietMs = 5_000
const pauseMs = 10_000
const againMs = 60_000

/**
 * The lines that the log gets now, with what has been told by then; undefined when there is nothing to say. The first
 * seconds of waiting pass in silence; then everything so far comes at once, and what is new in pauses. A fact is told
 * once, and one that is worth it again, after a longer pause, when its words are others.
 */
export function telling(
  facts: readonly Fact[],
  told: Told,
  { waitingSinceMs, now }: TellingTimes,
): { lines: string[]; told: Told } | undefined {
  if (!isTellingTime(told, { waitingSinceMs, now })) return undefined
  const fresh = facts.filter(fact => isFresh(fact, told, now))
  if (fresh.length === 0) return undefined
  return {
    lines: fresh.flatMap(fact => newLines(fact, told)),
    told: {
      keys: new Set([...told.keys, ...fresh.map(({ key }) => key)]),
      words: new Map([...(told.words ?? []), ...wordsOf(fresh, now)]),
      lastMs: now,
    },
  }
}

/** Whether it is time to tell anything; without it, a story need not be made. */
export function isTellingTime(
  { lastMs }: Pick<Told, 'lastMs'>,
  { waitingSinceMs, now }: TellingTimes,
): boolean {
  return now - waitingSinceMs >= quietMs && (lastMs === undefined || now - lastMs >= pauseMs)
}

function isFresh(fact: Fact, told: Told, now: number): boolean {
  if (!told.keys.has(fact.key)) return true
  const said = told.words?.get(fact.key)
  return said !== undefined && now - said.atMs >= againMs && newLines(fact, told).length > 0
}

// Of a text that is told again only the lines that are others.
function newLines({ key, text }: Fact, { words }: Told): string[] {
  const known = new Set(words?.get(key)?.text.split('\n').map(gist))
  return text.split('\n').filter(line => !known.has(gist(line)))
}

function wordsOf(facts: readonly Fact[], atMs: number): Map<string, Words> {
  const repeatable = facts.filter(({ again = false }) => again)
  return new Map(repeatable.map(({ key, text }) => [key, { text, atMs }]))
}

/** What a line says, without what is another in each of Kubernetes' attempts at the same thing. */
function gist(line: string): string {
  return line
    .replace(/^Kubernetes says \([^)]*\)/, '')
    .replace(/, \d+ times so far/, '')
    .replaceAll(/\b[0-9a-f-]{8,}\b/g, '')
    .replaceAll(podName, '')
}

// The Job's controller gives each pod another name, also each that is refused.
const podName = /\bpods? "?[\w.-]+"?/g
