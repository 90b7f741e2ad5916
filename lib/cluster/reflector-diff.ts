import type { NamedObject, WatchEvent } from './list-watch.js'

/** What happened to one object. */
export interface Change<T> {
  type: 'add' | 'update' | 'delete'
  name: string
  object: T
}

/** From what was known to what a list says: deletions first, so that a name that was used again is free. */
export function changesOfList<T extends NamedObject>(
  known: ReadonlyMap<string, T>,
  items: readonly T[],
): Change<T>[] {
  const now = new Map(items.map(item => [nameOf(item), item]))
  const gone = [...known].filter(([name]) => !now.has(name))
  return [
    ...gone.map(([name, object]) => ({ type: 'delete' as const, name, object })),
    ...[...now].flatMap(([name, object]) => changesOfState(known.get(name), name, object)),
  ]
}

/** What a watch's event changes: nothing when it is known already, as after a watch that was resumed. */
export function changesOfEvent<T extends NamedObject>(
  known: ReadonlyMap<string, T>,
  event: WatchEvent<T>,
): Change<T>[] {
  const { type, object } = event
  if (type === 'BOOKMARK') return []
  const name = nameOf(object)
  const before = known.get(name)
  if (type !== 'DELETED') return changesOfState(before, name, object)
  // The deletion of an earlier object of that name says nothing of the one that we know.
  const same = before !== undefined && before.metadata?.uid === object.metadata?.uid
  return same ? [{ type: 'delete', name, object }] : []
}

/** Where the watch goes on after this event. */
export function versionOf(object: NamedObject): string | undefined {
  return object.metadata?.resourceVersion || undefined
}

function changesOfState<T extends NamedObject>(
  before: T | undefined,
  name: string,
  object: T,
): Change<T>[] {
  if (!before) return [{ type: 'add', name, object }]
  if (before.metadata?.uid !== object.metadata?.uid) {
    return [
      { type: 'delete', name, object: before },
      { type: 'add', name, object },
    ]
  }
  return versionOf(before) === versionOf(object) ? [] : [{ type: 'update', name, object }]
}

function nameOf(object: NamedObject): string {
  return object.metadata?.name ?? ''
}
