import { steadily, type Clock } from '../clock.js'
import type { Log } from '../log.js'
import { backoffMs } from './backoff.js'
import { ClusterError, isClusterError } from './cluster-error.js'
import type { ListWatch, NamedObject, WatchEvent } from './list-watch.js'
import { changesOfEvent, changesOfList, versionOf, type Change } from './reflector-diff.js'

/**
 * What a follower is told. `synced` is false for what the first list finds, true later. A handler that throws, or whose
 * promise is rejected, is logged; nothing waits for a promise.
 */
export interface ReflectorHandlers<T> {
  onAdd?: (object: T, told: { synced: boolean }) => unknown
  onUpdate?: (object: T, told: { synced: boolean }) => unknown
  /** With the object's last state, or the last that we knew when it went while we were not looking. */
  onDelete?: (object: T, told: { synced: boolean }) => unknown
  /** After each complete list: the store is what the cluster was at that moment. */
  onSync?: () => unknown
}

export interface ReflectorOptions<T> extends ReflectorHandlers<T> {
  source: ListWatch<T>
  log: Log
  clock: Clock
  /** A watch without an event or a bookmark for so long is cut and opened again. Milliseconds; 90 s by default. */
  freshnessMs?: number
  /** What is kept of each object. */
  trim?: (object: T) => T
  /**
   * False for a source of many objects of which few matter: none is stored, whoever follows keeps what he wants. Each
   * is told of as it comes, as added, also when it was told of before; lists in pages. True by default.
   */
  stores?: boolean
}

const pageSize = 500
/** A watch that lasted so long was a good one, even if it had nothing to say. */
const healthyMs = 5_000
/** After so many failures in a row the version that we resume from is no longer trusted. */
const failuresBeforeRelist = 3

/**
 * A local copy of the objects of one source, by name, kept by a list and a watch that goes on until `run`'s signal
 * aborts, whatever the API server does. client-node's informer gives up on errors.
 */
export class Reflector<T extends NamedObject> {
  readonly #options: ReflectorOptions<T>
  readonly #store = new Map<string, T>()
  readonly #firstSync = new Latch()
  #resourceVersion: string | undefined
  #synced = false
  #lastFresh = 0
  /** The same by the steady clock. */
  #freshAt = -Infinity
  #progress = false

  constructor(options: ReflectorOptions<T>) {
    this.#options = options
  }

  /** The objects by name. Live: read it, never keep it. */
  get store(): ReadonlyMap<string, T> {
    return this.#store
  }

  /** Whether a first list is complete. */
  get synced(): boolean {
    return this.#synced
  }

  /** When the API server last proved that the store is current, in milliseconds since 1970; 0 for never. */
  get lastFresh(): number {
    return this.#lastFresh
  }

  /** Resolves to true after the first complete list, to false when `run` has ended without one. */
  whenSynced(): Promise<boolean> {
    return this.#firstSync.promise
  }

  /** Follows the source until the signal aborts; then resolves. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      const error = await this.#follow(signal)
      if (signal.aborted) break
      attempt = this.#progress ? 0 : attempt + 1
      const gone = isClusterError(error, 'gone')
      if (gone || attempt >= failuresBeforeRelist) this.#resourceVersion = undefined
      if (attempt === 0 && (gone || error === undefined)) continue
      await this.#pause(error, attempt, signal)
    }
    this.#firstSync.resolve(false)
  }

  /** One list, if one is due, and one watch. What ended it, or nothing when the API server ended it in good order. */
  async #follow(signal: AbortSignal): Promise<unknown> {
    this.#progress = false
    try {
      const version = this.#resourceVersion ?? (await this.#relist(signal))
      await this.#watch(version, signal)
      return undefined
    } catch (error) {
      return error
    }
  }

  async #relist(signal: AbortSignal): Promise<string> {
    const { source } = this.#options
    const items: T[] = []
    let continueToken: string | undefined
    let version: string
    do {
      const page = await source.list({ limit: pageSize, continueToken }, signal)
      const trimmed = page.items.map(item => this.#trimmed(item))
      if (this.#options.stores === false) this.#pass(trimmed)
      else items.push(...trimmed)
      continueToken = page.continueToken
      version = page.resourceVersion
    } while (continueToken)
    signal.throwIfAborted()
    this.#apply(changesOfList(this.#store, items))
    this.#resourceVersion = version
    this.#fresh()
    this.#synced = true
    this.#firstSync.resolve(true)
    this.#tell(() => this.#options.onSync?.())
    return version
  }

  async #watch(resourceVersion: string, signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#options
    const started = steadily(clock)
    const cut = new AbortController()
    const stop = () => cut.abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true, signal: cut.signal })
    const guard = this.#cutWhenSilent(cut, started)
    try {
      const timeoutSeconds = 240 + Math.floor(clock.random() * 60)
      const events = await source.watch({ resourceVersion, timeoutSeconds }, cut.signal)
      this.#fresh()
      for await (const event of events) {
        if (signal.aborted) return
        this.#take(event, resourceVersion)
      }
    } finally {
      if (steadily(clock) - started >= healthyMs) this.#progress = true
      cut.abort()
      await guard
    }
  }

  #take(event: WatchEvent<T>, from: string): void {
    this.#fresh()
    if (event.type !== 'BOOKMARK') {
      const object = this.#trimmed(event.object)
      if (this.#options.stores === false) this.#pass([object], event.type)
      else this.#apply(changesOfEvent(this.#store, { ...event, object }))
    }
    const version = versionOf(event.object) ?? from
    if (version !== from) this.#progress = true
    this.#resourceVersion = version
  }

  /** Ends with the watch: a dead connection says nothing, and TCP may take many minutes to notice. */
  async #cutWhenSilent(cut: AbortController, started: number): Promise<void> {
    const { clock, freshnessMs = 90_000 } = this.#options
    while (!cut.signal.aborted) {
      const left = Math.max(started, this.#freshAt) + freshnessMs - steadily(clock)
      if (left <= 0) return cut.abort(silence(freshnessMs))
      await clock.sleep(left, cut.signal).catch(() => undefined)
    }
  }

  #apply(changes: Change<T>[]): void {
    const { onAdd, onUpdate, onDelete } = this.#options
    const handlers = { add: onAdd, update: onUpdate, delete: onDelete }
    const told = { synced: this.#synced }
    for (const { type, name, object } of changes) {
      if (type === 'delete') this.#store.delete(name)
      else this.#store.set(name, object)
      this.#tell(() => handlers[type]?.(object, told))
    }
  }

  #pass(objects: readonly T[], type?: WatchEvent<T>['type']): void {
    const { onAdd, onDelete } = this.#options
    const told = { synced: this.#synced }
    const handler = type === 'DELETED' ? onDelete : onAdd
    for (const object of objects) this.#tell(() => handler?.(object, told))
  }

  #tell(handler: () => unknown): void {
    const failed = (err: unknown) =>
      this.#options.log.error({ err, kind: this.#options.source.kind }, 'watch handler failed')
    try {
      const result = handler()
      if (result instanceof Promise) result.catch(failed)
    } catch (error) {
      failed(error)
    }
  }

  async #pause(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, log, source } = this.#options
    const asked = isClusterError(error) ? (error.retryAfterMs ?? 0) : 0
    const ms = Math.max(backoffMs(attempt, clock.random()), Math.min(asked, 60_000))
    const level = attempt > 1 ? 'warn' : 'info'
    log[level]({ err: error, kind: source.kind, attempt, ms }, 'watch interrupted')
    await clock.sleep(ms, signal).catch(() => undefined)
  }

  #trimmed(object: T): T {
    return this.#options.trim?.(object) ?? object
  }

  #fresh(): void {
    const { clock } = this.#options
    this.#lastFresh = clock.now()
    this.#freshAt = steadily(clock)
  }
}

function silence(ms: number): ClusterError {
  return new ClusterError({
    reason: 'Silence',
    message: `the API server said nothing for ${ms} ms`,
  })
}

/** A promise that is resolved from outside, once. */
class Latch {
  readonly promise: Promise<boolean>
  #resolve: ((value: boolean) => void) | undefined

  constructor() {
    this.promise = new Promise(resolve => (this.#resolve = resolve))
  }

  resolve(value: boolean): void {
    this.#resolve?.(value)
  }
}
