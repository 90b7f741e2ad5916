import type { ServerResponse } from 'node:http'
import type { StoredObject } from './objects.js'
import type { ResourceName } from './resources.js'
import type { Match } from './selectors.js'
import { expired, typeOf } from './status.js'
import type { Change, Storage } from './storage.js'

/** What one watch asks for. Without a revision it begins with everything that is there. */
export interface WatchRequest {
  resource: ResourceName
  namespace: string | undefined
  match: Match
  revision: number | undefined
  bookmarks: boolean
  timeoutMs: number
}

interface OpenWatch {
  response: ServerResponse
  request: WatchRequest
  /** Lines that wait until the watches are no longer held. */
  queue: string[]
  end(): void
}

/** The open watches: newline-delimited `{type, object}` for each change, bookmarks, and an end after their time. */
export class Watches {
  readonly #storage: Storage
  readonly #bookmarkMs: number
  readonly #open = new Set<OpenWatch>()
  readonly #unsubscribe: () => void
  #holds = 0

  constructor(storage: Storage, bookmarkMs: number) {
    this.#storage = storage
    this.#bookmarkMs = bookmarkMs
    this.#unsubscribe = storage.subscribe(change => {
      for (const watch of this.#open) this.#tell(watch, change)
    })
  }

  open(response: ServerResponse, request: WatchRequest): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const watch: OpenWatch = { response, request, queue: [], end: () => this.#end(watch, timers) }
    const timers = [
      setInterval(() => this.#bookmark(watch), this.#bookmarkMs),
      setTimeout(() => {
        this.#bookmark(watch)
        watch.end()
      }, request.timeoutMs),
    ]
    this.#open.add(watch)
    response.once('close', () => watch.end())
    this.#begin(watch)
  }

  /** Ends all watches: quietly, or with the ERROR event that says that their resourceVersion is too old. */
  drop(reason: 'close' | 'gone'): void {
    if (reason === 'gone') this.#storage.forget()
    for (const watch of this.#open) {
      if (reason === 'gone') this.#write(watch, errorLine(0, this.#storage.oldest))
      watch.end()
    }
  }

  /** Holds back all events of all watches until the returned function is called. */
  hold(): () => void {
    this.#holds += 1
    let held = true
    return () => {
      if (!held) return
      held = false
      this.#holds -= 1
      if (this.#holds > 0) return
      for (const watch of this.#open)
        for (const text of watch.queue.splice(0)) this.#write(watch, text)
    }
  }

  close(): void {
    this.#unsubscribe()
    for (const watch of this.#open) watch.end()
  }

  #begin(watch: OpenWatch): void {
    const { resource, namespace, match, revision } = watch.request
    if (revision === undefined) {
      const found = this.#storage.list(resource, namespace).filter(match)
      for (const object of found) this.#push(watch, line('ADDED', object))
      return
    }
    if (revision < this.#storage.oldest || revision > this.#storage.revision) {
      this.#push(watch, errorLine(revision, this.#storage.oldest))
      watch.end()
      return
    }
    for (const change of this.#storage.changesSince(revision)) this.#tell(watch, change)
  }

  #tell(watch: OpenWatch, change: Change): void {
    const { resource, namespace, match } = watch.request
    if (change.resource !== resource) return
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return
    const type = typeFor(change, match)
    if (type) this.#push(watch, line(type, change.object))
  }

  #bookmark(watch: OpenWatch): void {
    if (!watch.request.bookmarks) return
    const resourceVersion = String(this.#storage.revision)
    const metadata = { resourceVersion, creationTimestamp: null }
    this.#push(watch, line('BOOKMARK', { ...typeOf(watch.request.resource), metadata }))
  }

  #push(watch: OpenWatch, text: string): void {
    if (this.#holds > 0) watch.queue.push(text)
    if (this.#holds === 0) this.#write(watch, text)
  }

  #write(watch: OpenWatch, text: string): void {
    if (!watch.response.writableEnded) watch.response.write(text)
  }

  #end(watch: OpenWatch, timers: (NodeJS.Timeout | undefined)[]): void {
    this.#open.delete(watch)
    for (const timer of timers) clearTimeout(timer)
    watch.response.end()
  }
}

/** What a change is to someone who sees only what matches: an object may come into view and leave it. */
export function typeFor(change: Change, match: Match): Change['type'] | undefined {
  const seen = change.previous !== undefined && match(change.previous)
  const sees = change.type !== 'DELETED' && match(change.object)
  if (sees) return seen ? 'MODIFIED' : 'ADDED'
  return seen ? 'DELETED' : undefined
}

function line(type: string, object: StoredObject | object): string {
  return `${JSON.stringify({ type, object })}\n`
}

function errorLine(revision: number, oldest: number): string {
  return line('ERROR', expired(revision, oldest))
}
