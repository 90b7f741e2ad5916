/** A part of a setting that may be anything yet: the rules look into it with these, and never throw. */
export type Keys = Readonly<Record<string, unknown>>

/** The value when it is a mapping, else an empty one. */
export function keysOf(value: unknown): Keys {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Keys) : {}
}

/** The items when it is a list, else none. */
export function itemsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : []
}

/** The text when it is text that says something. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
