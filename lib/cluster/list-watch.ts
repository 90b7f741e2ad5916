import type {
  CoreV1Event,
  V1Job,
  V1Lease,
  V1ObjectMeta,
  V1Pod,
  V1Secret,
} from '@kubernetes/client-node'
// Not in client-node's index. It turns JSON into the classes that the types promise: dates are Dates.
import { ObjectSerializer } from '@kubernetes/client-node/dist/gen/models/ObjectSerializer.js'
import { ClusterError, errorOfStatus } from './cluster-error.js'
import type { Transport } from './transport.js'

/** Any object with a name. */
export interface NamedObject {
  metadata?: V1ObjectMeta
}

/** One page of a list; `continueToken` asks for the next. */
export interface Page<T> {
  items: T[]
  resourceVersion: string
  continueToken?: string
}

/** One line of a watch; a bookmark's object has nothing but its `resourceVersion`. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: T
}

/** Objects of one kind that can be listed and then watched. All methods throw `ClusterError`. */
export interface ListWatch<T> {
  /** What it lists, for logs. */
  readonly kind: string
  list(page: { limit: number; continueToken?: string }, signal?: AbortSignal): Promise<Page<T>>
  /** Resolves when the API server has accepted the watch. A clean end is the API server's time-out. */
  watch(
    from: { resourceVersion: string; timeoutSeconds: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<WatchEvent<T>>>
}

/** The kinds that we read as plain JSON, by the names that client-node's models have. */
interface Models {
  CoreV1Event: CoreV1Event
  V1Job: V1Job
  V1Lease: V1Lease
  V1Pod: V1Pod
  V1Secret: V1Secret
}

/** Where the objects are, which of them, and the name of their type in client-node's models. */
export interface ListWatchOptions<Name extends keyof Models> {
  path: string
  type: Name
  labelSelector?: string
}

/** The list and the watch of the objects below one path. `metadata.managedFields` is left out: it is bulk to us. */
export function listWatch<Name extends keyof Models>(
  transport: Transport,
  { path, type, labelSelector }: ListWatchOptions<Name>,
): ListWatch<Models[Name]> {
  return {
    kind: type,
    list: async ({ limit, continueToken }, signal) => {
      const query = { labelSelector, limit, continue: continueToken }
      return page(await transport.json({ method: 'GET', path, query, signal }), type)
    },
    watch: async ({ resourceVersion, timeoutSeconds }, signal) => {
      const query = { labelSelector, resourceVersion, timeoutSeconds }
      const all = { ...query, watch: 1, allowWatchBookmarks: true }
      return events(await transport.streamLines(path, all, signal), type)
    },
  }
}

/** The object as the type says, from its JSON. */
export function typed<Name extends keyof Models>(json: unknown, type: Name): Models[Name] {
  return ObjectSerializer.deserialize(json, type, '') as Models[Name]
}

function page<Name extends keyof Models>(body: unknown, type: Name): Page<Models[Name]> {
  const { items, metadata } = (body ?? {}) as {
    items?: unknown[] | null
    metadata?: { resourceVersion?: string; continue?: string }
  }
  if (!metadata?.resourceVersion) throw malformed('a list without a resourceVersion')
  return {
    items: (items ?? []).map(item => typed(trimmed(item), type)),
    resourceVersion: metadata.resourceVersion,
    continueToken: metadata.continue || undefined,
  }
}

async function* events<Name extends keyof Models>(
  lines: AsyncIterable<unknown>,
  type: Name,
): AsyncGenerator<WatchEvent<Models[Name]>, void> {
  for await (const line of lines) {
    const event = line as { type?: string; object?: NamedObject } | null
    switch (event?.type) {
      case 'ERROR':
        throw errorOfStatus(event.object)
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED':
        if (!event.object?.metadata?.name) throw malformed('an event about nothing')
        yield { type: event.type, object: typed(trimmed(event.object), type) }
        break
      case 'BOOKMARK':
        yield { type: event.type, object: typed(event.object, type) }
        break
      default:
        throw malformed('an event of an unknown type')
    }
  }
}

function trimmed(item: unknown): unknown {
  const metadata = (item as { metadata?: object } | null)?.metadata
  return metadata
    ? { ...(item as object), metadata: { ...metadata, managedFields: undefined } }
    : item
}

function malformed(found: string): ClusterError {
  return new ClusterError({
    reason: 'MalformedAnswer',
    message: `the API server sent ${found}`,
  })
}
