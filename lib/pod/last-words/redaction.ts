import { plain, type Redact } from '../narration/said.js'
import { secretValues, type SecretSources } from './needles.js'

/**
 * Takes out what the agent would take out of a job's log: the values of variables whose names match. Like the agent's,
 * it finds values of several lines however their white space came out, values as they stand in quotes, and values that
 * overlap, which become one `[REDACTED]`.
 */
export function redactor(sources: SecretSources): Redact {
  const needles = needlesOf(secretValues(sources))
  return text => replaced(text, folded => wholes(folded, needles))
}

/** Like `redactor`, for a piece of a text: what it begins or ends with may be a part of a value. */
export function pieceRedactor(sources: SecretSources): Redact {
  const needles = needlesOf(secretValues(sources))
  return text => replaced(text, folded => [...wholes(folded, needles), ...cutOff(folded, needles)])
}

const mark = '[REDACTED]'

// A shorter part of a value at the end of a text tells little, and is a word by chance too often.
const shortestPart = 4

/** From and to, in characters. */
type Range = readonly [from: number, to: number]

// Values as they are, as Go or JSON quotes them, and as they are in a text without control characters.
function needlesOf(values: readonly string[]): string[] {
  const all = values
    .flatMap(value => [value, JSON.stringify(value).slice(1, -1)])
    .flatMap(value => [value, plain(value)])
    .map(value => foldedText(value).trim())
  return [...new Set(all)].filter(needle => needle !== '')
}

function replaced(text: string, find: (folded: string) => Range[]): string {
  const ranges = merged(find(foldedText(text)))
  if (ranges.length === 0) return text
  const starts = foldedStarts(text)
  const places = ranges.map(([from, to]) => [starts[from] ?? 0, starts[to] ?? text.length] as const)
  const kept = places.map(([from], index) => text.slice(places[index - 1]?.[1] ?? 0, from))
  return [...kept.map(part => part + mark), text.slice(places.at(-1)?.[1] ?? 0)].join('')
}

function wholes(folded: string, needles: readonly string[]): Range[] {
  return needles.flatMap(needle => {
    const found: Range[] = []
    for (let at = folded.indexOf(needle); at >= 0; at = folded.indexOf(needle, at + 1)) {
      found.push([at, at + needle.length])
    }
    return found
  })
}

function cutOff(folded: string, needles: readonly string[]): Range[] {
  const begin = folded.length - folded.trimStart().length
  const end = folded.trimEnd().length
  const text = folded.slice(begin, end)
  if (text.length < shortestPart) return []
  return needles.flatMap((needle): Range[] => {
    if (needle.includes(text)) return [[begin, end]]
    const head = longestPart(needle, part => text.startsWith(part), 'last')
    const tail = longestPart(needle, part => text.endsWith(part), 'first')
    return [
      [begin, begin + head],
      [end - tail, end],
    ]
  })
}

/** How long the longest first or last part of a needle is for which that holds; 0 when there is none. */
function longestPart(
  needle: string,
  holds: (part: string) => boolean,
  which: 'first' | 'last',
): number {
  for (let length = needle.length - 1; length >= shortestPart; length--) {
    const part = which === 'first' ? needle.slice(0, length) : needle.slice(-length)
    if (holds(part.trim())) return part.trim().length
  }
  return 0
}

function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1)
    if (from === to) continue
    if (last && from < last[1]) result[result.length - 1] = [last[0], Math.max(last[1], to)]
    else result.push([from, to])
  }
  return result
}

const whiteSpace = /[\t\n\v\f\r ]+/g

/** The text with one space for each stretch of white space. */
function foldedText(text: string): string {
  return text.replaceAll(whiteSpace, ' ')
}

/** Where each character of the folded text begins in the text, and where the text ends. */
function foldedStarts(text: string): number[] {
  const pieces = text.matchAll(/[\t\n\v\f\r ]+|[^\t\n\v\f\r ]/g)
  return [...[...pieces].map(({ index }) => index), text.length]
}
