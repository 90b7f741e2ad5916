import { randomBytes } from 'node:crypto'
import type { Clock } from '../../clock.js'
import { timestamp, type StoredObject } from './objects.js'
import type { Storage } from './storage.js'

/** What a part of the cluster has to say about an object. */
export interface Said {
  reason: string
  message: string
  /** Normal by default. */
  type?: 'Normal' | 'Warning'
  /** Who says it, such as `kubelet`. */
  by: string
  /** The container that it is about. */
  container?: { name: string; init: boolean }
}

// As an API server keeps them, unless it is told otherwise.
const keptMs = 60 * 60_000

/** Writes events, and removes those that are old. */
export class Recorder {
  readonly #storage: Storage
  readonly #clock: Clock
  #written: { name: string; namespace: string | undefined; at: number }[] = []

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  /** Makes an event about that object. */
  say(about: StoredObject, { reason, message, type = 'Normal', by, container }: Said): void {
    const { apiVersion, kind } = about
    const { name, namespace, uid, resourceVersion } = about.metadata
    const at = this.#clock.now()
    const now = timestamp(at)
    const fieldPath = container && pathOf(container)
    const event = this.#storage.create('events', {
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: { apiVersion, kind, name, namespace, uid, resourceVersion, fieldPath },
      reason,
      message,
      type,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      eventTime: null,
      source: { component: by, ...(by === 'kubelet' && { host: 'sandbox' }) },
      reportingComponent: by,
      reportingInstance: by === 'kubelet' ? 'sandbox' : '',
    })
    this.#written.push({ name: event.metadata.name, namespace, at })
    this.#forget(at - keptMs)
  }

  #forget(before: number): void {
    const first = this.#written.findIndex(({ at }) => at >= before)
    for (const { name, namespace } of this.#written.splice(0, first))
      this.#storage.remove('events', namespace, name)
  }
}

function pathOf({ name, init }: { name: string; init: boolean }): string {
  return `spec.${init ? 'initContainers' : 'containers'}{${name}}`
}
