import { isIP } from 'node:net'
import convict from 'convict'
import ms, { type StringValue } from 'ms'
import { isDnsLabel } from '../kubernetes-names.js'

/** A host and a port to listen on. */
export interface ListenAddress {
  host: string
  port: number
}

/**
 * Our formats for convict. Each `validate` throws an Error whose message says what was wanted; `coerce` makes the
 * typed value of a string, whether it came from a flag, the environment or the file.
 */
const formats: convict.Format[] = [
  {
    name: 'required-text',
    validate: value => wanted('some text', typeof value === 'string' && value !== ''),
  },
  {
    name: 'optional-text',
    validate: value =>
      wanted('text', value === null || (typeof value === 'string' && value !== '')),
  },
  { name: 'tags', validate: validateTags, coerce: coerceTags },
  {
    name: 'positive-int',
    validate: value =>
      wanted('a whole number of at least 1', Number.isInteger(value) && (value as number) >= 1),
    coerce: (value): unknown => (/^\d+$/.test(String(value)) ? Number(value) : value),
  },
  {
    name: 'http-url',
    validate: value =>
      wanted(
        'a URL that begins with http:// or https://, without a user or password',
        isHttpUrl(value),
      ),
  },
  {
    name: 'optional-http-url',
    validate: value =>
      wanted(
        'a URL that begins with http:// or https://, without a user or password',
        value === null || isHttpUrl(value),
      ),
  },
  {
    name: 'namespace',
    validate: value =>
      wanted('a namespace: lower-case letters, digits and "-", 63 at most', isNamespace(value)),
  },
  {
    name: 'optional-namespace',
    validate: value =>
      wanted(
        'a namespace: lower-case letters, digits and "-", 63 at most',
        value === null || isNamespace(value),
      ),
  },
  {
    name: 'duration',
    validate: value =>
      wanted('a duration such as 90s, 10m or 1h', typeof value === 'number' && value >= 0),
    coerce: coerceDuration,
  },
  {
    name: 'positive-duration',
    validate: value =>
      wanted('a duration above 0 such as 90s, 10m or 1h', typeof value === 'number' && value > 0),
    coerce: coerceDuration,
  },
  {
    name: 'lease-duration',
    validate: value =>
      wanted(
        'a duration from 3s to 60s: Buildkite gives up on silent agents after 3 minutes',
        typeof value === 'number' && value >= 3_000 && value <= 60_000,
      ),
    coerce: coerceDuration,
  },
  {
    name: 'optional-ip',
    validate: value =>
      wanted('an IP address', value === null || (typeof value === 'string' && isIP(value) > 0)),
  },
  {
    name: 'boolean',
    validate: value => wanted('true or false', typeof value === 'boolean'),
    coerce: (value): unknown => ({ true: true, false: false })[String(value)] ?? value,
  },
  {
    name: 'quantity',
    validate: value => wanted('a quantity above 0, such as 200m or 128Mi', isQuantity(value)),
    coerce: (value): unknown => String(value).trim(),
  },
  {
    name: 'job-prefix',
    validate: value =>
      wanted(
        'lower-case letters, digits and "-", a letter or digit first, 20 at most',
        typeof value === 'string' && /^[a-z0-9][-a-z0-9]{0,19}$/.test(value),
      ),
  },
  {
    name: 'sub-path',
    validate: value =>
      wanted(
        'a path below the volume: no / at its start, no .. in it',
        value === null || isSubPath(value),
      ),
  },
  { name: 'words', validate: validateWords, coerce: coerceWords },
  {
    name: 'structure',
    // A list of one: of a bare object convict would make settings of its own, and split their names at dots.
    validate: value =>
      wanted('a mapping of keys and values', value === null || isMapping((value as unknown[])[0])),
  },
  {
    name: 'listen-address',
    // Stays text: convict takes an object for a schema of its own.
    validate: value =>
      wanted(
        'HOST:PORT, such as 0.0.0.0:9000, with a port of 65535 at most',
        listenAddress(value) !== undefined,
      ),
  },
]

/** Makes convict know our formats. Safe to call more than once. */
export function addFormats(): void {
  for (const format of formats) convict.addFormat(format)
}

function wanted(what: string, ok: boolean): void {
  if (!ok) throw new Error(what)
}

function isHttpUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const { protocol, username, password } = new URL(value)
  // A password in a URL would stand in our log.
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

function isNamespace(value: unknown): boolean {
  return typeof value === 'string' && isDnsLabel(value)
}

/** Whether a text is one of Kubernetes' quantities, and above 0. */
export function isQuantity(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const match = /^\+?(\d+\.?\d*|\.\d+)([munkMGTPE]|[KMGTPE]i|[eE][+-]?\d+)?$/.exec(value)
  return match !== null && Number(match[1]) > 0
}

function isSubPath(value: unknown): boolean {
  if (typeof value !== 'string' || value === '' || value.startsWith('/')) return false
  return !value.split('/').includes('..')
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function coerceWords(value: unknown): unknown {
  return value === '' ? [] : String(value).split(',').map(trimmed)
}

function validateWords(value: unknown): void {
  if (value === null) return
  wanted('a list of words', Array.isArray(value))
  for (const word of value as unknown[]) {
    wanted('words without spaces in them', typeof word === 'string' && /^[^\s,]+$/.test(word))
  }
}

function coerceTags(value: unknown): unknown {
  const list = Array.isArray(value) ? (value as unknown[]) : [value]
  return list.flatMap(item => (typeof item === 'string' ? item.split(',') : [item])).map(trimmed)
}

function trimmed(item: unknown): unknown {
  return typeof item === 'string' ? item.trim() : item
}

function validateTags(value: unknown): void {
  wanted('a list of tags, key=value', Array.isArray(value) && value.length > 0)
  for (const tag of value as unknown[]) {
    wanted('tags of the form key=value', typeof tag === 'string' && /^[^=\s]+=.+$/.test(tag))
  }
}

function coerceDuration(value: unknown): unknown {
  const text = String(value).trim()
  // A bare number would be milliseconds to `ms` and seconds to most readers: neither is taken.
  return /[a-z]$/i.test(text) ? (ms(text as StringValue) ?? value) : value
}

/** HOST:PORT as its parts; an empty host is every address. Undefined when it is something else. */
export function listenAddress(value: unknown): ListenAddress | undefined {
  const match = /^(\[[^\]]+\]|[^:\s]*):(\d{1,5})$/.exec(String(value))
  if (!match || Number(match[2]) > 65535) return undefined
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '')
  return { host: host === '' ? '0.0.0.0' : host, port: Number(match[2]) }
}
