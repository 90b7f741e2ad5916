/** The texts that there are, each on lines of its own. */
export function lines(...texts: (string | undefined)[]): string {
  return texts
    .map(text => text?.trim())
    .filter(Boolean)
    .join('\n')
}

/** What Kubernetes says, marked as its own words; nothing when it says nothing. */
export function quote(reason: unknown, message: unknown): string | undefined {
  const [name, text] = [textOf(reason), textOf(message)]
  if (text === '') return name === '' ? undefined : `Kubernetes says: ${name}.`
  return name === '' ? `Kubernetes says: ${text}` : `Kubernetes says (${name}): ${text}`
}

/** A text, whatever a field of an odd object holds. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : ''
}

/** The elements of a list that are objects, whatever a field of an odd object holds. */
export function listOf<T>(value: readonly T[] | null | undefined): T[] {
  if (!Array.isArray(value)) return []
  return (value as readonly T[]).filter(one => typeof one === 'object' && one !== null)
}

/** What a table has for a word of Kubernetes'; `constructor` and its like are no entries. */
export function entryOf<T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined {
  return typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined
}

/** Milliseconds since 1970 of a time as a watch delivers it (text) or as the client library parses it (Date). */
export function timeOf(value: unknown): number | undefined {
  if (!(value instanceof Date) && (typeof value !== 'string' || value === '')) return undefined
  const time = new Date(value).getTime()
  return Number.isNaN(time) ? undefined : time
}

/** A span of time as people write it: `30s`, `15m`, `1h30m`. */
export function spanText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const parts: [number, string][] = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const text = parts.flatMap(([count, unit]) => (count > 0 ? [`${count}${unit}`] : [])).join('')
  return text === '' ? '0s' : text
}
