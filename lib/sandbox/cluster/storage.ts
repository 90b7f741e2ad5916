import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../clock.js'
import { timestamp, type Metadata, type StoredObject } from './objects.js'
import type { ResourceName } from './resources.js'
import { alreadyExists, notFound, typeOf } from './status.js'

/** A change of one object. `previous` is what it was before, and `object` of a DELETED what it was last. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED'
  revision: number
  resource: ResourceName
  object: StoredObject
  previous: StoredObject | undefined
}

/** What someone gives to be stored: the name is settled, the rest of the metadata is the storage's. */
export interface Draft {
  metadata: Partial<Metadata> & { name: string }
  [field: string]: unknown
}

/**
 * All objects in memory, with one counter of revisions and a bounded history of changes. Listeners hear each change
 * once, in the order of revisions, also when a listener itself makes a change.
 */
export class Storage {
  readonly #objects = new Map<ResourceName, Map<string, StoredObject>>()
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #clock: Clock
  readonly #historyLength: number
  #history: Change[] = []
  #undelivered: Change[] = []
  #delivering = false
  #revision = 1
  #oldest = 1

  constructor(clock: Clock, historyLength = 5000) {
    this.#clock = clock
    this.#historyLength = historyLength
  }

  /** The revision of the latest change. */
  get revision(): number {
    return this.#revision
  }

  /** The revision that the history begins after: what happened until then can no longer be told. */
  get oldest(): number {
    return this.#oldest
  }

  get(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
  ): StoredObject | undefined {
    return this.#objects.get(resource)?.get(keyOf(namespace, name))
  }

  /** The objects of a kind (in one namespace, when one is given), sorted by namespace and name. */
  list(resource: ResourceName, namespace?: string): StoredObject[] {
    return this.listAt(this.#revision, resource, namespace)
  }

  /** The objects as they were at a revision that is not older than `oldest`. */
  listAt(revision: number, resource: ResourceName, namespace?: string): StoredObject[] {
    const found = new Map(this.#objects.get(resource))
    for (const change of this.changesSince(revision).toReversed()) {
      if (change.resource !== resource) continue
      const key = keyOf(change.object.metadata.namespace, change.object.metadata.name)
      if (change.previous) found.set(key, change.previous)
      if (!change.previous) found.delete(key)
    }
    const within = [...found].filter(
      ([key]) => namespace === undefined || key.startsWith(`${namespace}/`),
    )
    return within.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object)
  }

  /** @throws Refusal (409) when there is one of that name. */
  create(resource: ResourceName, draft: Draft): StoredObject {
    return this.#commit('ADDED', resource, this.preview(resource, draft), undefined)
  }

  /** The object as `create` would store it, and nothing is stored. @throws Refusal (409) when there is one of that name. */
  preview(resource: ResourceName, draft: Draft): StoredObject {
    const { name, namespace } = draft.metadata
    if (this.get(resource, namespace, name)) throw alreadyExists(resource, name)
    const metadata: Metadata = {
      ...draft.metadata,
      uid: randomUUID(),
      creationTimestamp: timestamp(this.#clock.now()),
      resourceVersion: '',
    }
    return { ...draft, ...typeOf(resource), metadata }
  }

  /** Replaces the object of the same name; the same content is no change. @throws Refusal (404). */
  update(resource: ResourceName, object: StoredObject): StoredObject {
    const { name, namespace } = object.metadata
    const previous = this.get(resource, namespace, name)
    if (!previous) throw notFound(resource, name)
    const { resourceVersion } = previous.metadata
    const same = { ...object, metadata: { ...object.metadata, resourceVersion } }
    if (isDeepStrictEqual(same, previous)) return previous
    return this.#commit('MODIFIED', resource, object, previous)
  }

  /** Removes the object of that name, if it is there. */
  remove(resource: ResourceName, namespace: string | undefined, name: string): void {
    const previous = this.get(resource, namespace, name)
    if (previous) this.#commit('DELETED', resource, previous, previous)
  }

  /** The changes after a revision that is not older than `oldest`. */
  changesSince(revision: number): Change[] {
    if (revision >= this.#revision) return []
    return this.#history.filter(change => change.revision > revision)
  }

  /** Forgets what has happened so far, as compaction does: an older resourceVersion is answered by 410. */
  forget(): void {
    this.#history = []
    this.#oldest = this.#revision
  }

  /** Calls the listener for each later change, until the returned function is called. */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #commit(
    type: Change['type'],
    resource: ResourceName,
    content: StoredObject,
    previous: StoredObject | undefined,
  ): StoredObject {
    const revision = ++this.#revision
    const metadata = { ...content.metadata, resourceVersion: String(revision) }
    const object = { ...content, metadata }
    const key = keyOf(metadata.namespace, metadata.name)
    const objects = this.#objects.get(resource) ?? new Map<string, StoredObject>()
    this.#objects.set(resource, objects)
    if (type === 'DELETED') objects.delete(key)
    if (type !== 'DELETED') objects.set(key, object)
    this.#remember({ type, revision, resource, object, previous })
    this.#deliver()
    return object
  }

  #remember(change: Change): void {
    this.#undelivered.push(change)
    this.#history.push(change)
    while (this.#history.length > this.#historyLength) {
      this.#oldest = this.#history.shift()?.revision ?? this.#oldest
    }
  }

  #deliver(): void {
    if (this.#delivering) return
    this.#delivering = true
    try {
      for (let next = this.#undelivered.shift(); next; next = this.#undelivered.shift()) {
        for (const listener of this.#listeners) listener(next)
      }
    } finally {
      this.#delivering = false
    }
  }
}

function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`
}
