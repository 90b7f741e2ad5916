/** Takes what is secret out of a text. */
export type Redact = (text: string) => string

/** Something that Kubernetes says: the reason that it gives, its words, and how often it has said them. */
export interface Saying {
  reason?: string | undefined
  message?: string | undefined
  times?: number
}

/** What Kubernetes says, as a line of the log that names the reason it gives; more lines are indented. */
export function quote({ reason, message = '', times = 1 }: Saying, redact: Redact): string {
  const [first = '', ...more] = trimmed(message, redact)
  const often = times < 2 ? '' : `, ${times} times`
  return [`Kubernetes says (${reason || 'no reason'}${often}): ${first}`, ...more].join('\n')
}

/** What we conclude, each line marked as ours. */
export function ours(text: string): string {
  return text
    .split('\n')
    .map(line => `Job spawner: ${line}`)
    .join('\n')
}

/**
 * A message for the log: without what is secret, at most so many lines and characters. Redacted before it is cut, as
 * a part of a secret would not be known for one. Lines after the first are indented, so that none begins a group.
 */
export function trimmed(message: string, redact: Redact): string[] {
  const lines = redact(plain(message))
    .split(/\r\n|\r|\n/)
    .map(line => line.trimEnd())
    .filter(line => line !== '')
  const kept = lines.slice(0, mostLines).map(cut)
  const left = lines.length - kept.length
  const all = left > 0 ? [...kept, `(${left} more lines)`] : kept
  return all.map((line, index) => (index === 0 ? line.trim() : `  ${line}`))
}

/** A line of at most as many characters as people read of one. */
export function cut(line: string): string {
  if (line.length <= mostCharacters) return line
  // Both ends: the beginning says who, the end of an error's chain says why.
  const left = line.length - headCharacters - tailCharacters
  const [head, tail] = [line.slice(0, headCharacters), line.slice(-tailCharacters)]
  return `${head} … (${left} characters left out) … ${tail}`
}

/** The text without what steers a terminal: escape sequences and control characters, but for tabs and line ends. */
export function plain(text: string): string {
  return text.replace(escapes, '').replace(controls, '')
}

const mostLines = 8
const mostCharacters = 800
const headCharacters = 480
const tailCharacters = 280

// What begins with ESC [, ESC ] or ESC _ up to its end, or ESC and one more character.
const escapes = new RegExp(
  [
    '\\u001b\\[[0-?]*[ -/]*[@-~]',
    '\\u001b[\\]_P^X][^\\u0007\\u001b\\n]*(?:\\u0007|\\u001b\\\\)?',
    '\\u001b[ -/]*[0-~]?',
  ].join('|'),
  'g',
)
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029]/g
