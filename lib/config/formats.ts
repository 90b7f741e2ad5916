import convict from 'convict'
import ms, { type StringValue } from 'ms'

/** A host and a port to listen on. */
export interface ListenAddress {
  host: string
  port: number
}

// Kubernetes' own rule for names of namespaces (RFC 1123 label).
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/

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
    name: 'listen-address',
    // Stays text: convict takes an object for a schema of its own.
    validate: value =>
      wanted('HOST:PORT, such as 0.0.0.0:8480', listenAddress(value) !== undefined),
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
  return typeof value === 'string' && dnsLabel.test(value)
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
