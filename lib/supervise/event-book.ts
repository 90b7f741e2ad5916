import type { CoreV1Event } from '@kubernetes/client-node'

/** The kinds of objects of ours that events speak of. */
export type EventKind = 'Pod' | 'Job' | 'PersistentVolumeClaim'

// Kubernetes itself counts what repeats; what matters is new.
const mostPerObject = 40

// An event may come before the watch of its object has told us of it. Others' events pass through here, too.
const mostStrangers = 1_000

/** The events about what is ours; of others' no more than the last few are kept, in case they turn out to be ours. */
export class EventBook {
  private readonly pages = new Map<string, Map<string, CoreV1Event>>()
  private readonly strangers = new Map<string, CoreV1Event>()

  /** From now on the events about that object are kept. */
  follow(kind: EventKind, name: string): void {
    const key = keyOf(kind, name)
    if (this.pages.has(key)) return
    this.pages.set(key, new Map())
    for (const [id, event] of this.strangers) {
      if (keyOf(event.involvedObject.kind, event.involvedObject.name) !== key) continue
      this.strangers.delete(id)
      this.take(event)
    }
  }

  /** The object is gone, and with it those who want to know of it. */
  forget(kind: EventKind, name: string): void {
    this.pages.delete(keyOf(kind, name))
  }

  /** The events about that object, the one that changed last at the end. */
  about(kind: EventKind, name: string): CoreV1Event[] {
    return [...(this.pages.get(keyOf(kind, name))?.values() ?? [])]
  }

  /** An event is there, or has changed. */
  take(event: CoreV1Event): void {
    const { kind, name } = event.involvedObject
    const page = this.pages.get(keyOf(kind, name))
    keepLast(page ?? this.strangers, event, page ? mostPerObject : mostStrangers)
  }

  /** The API server has forgotten an event. */
  drop({ metadata, involvedObject: { kind, name } }: CoreV1Event): void {
    const page = this.pages.get(keyOf(kind, name)) ?? this.strangers
    page.delete(metadata.name ?? '')
  }

  /** How many events are kept. */
  get size(): number {
    const pages = [...this.pages.values(), this.strangers]
    return pages.reduce((sum, { size }) => sum + size, 0)
  }
}

/** What is kept of an event: what is said, how often and when, and by whom. */
export function trimmedEvent(event: CoreV1Event): CoreV1Event {
  const { metadata, involvedObject, source } = event
  const { name, uid, creationTimestamp, resourceVersion } = metadata
  const { kind, name: about, uid: aboutUid, fieldPath } = involvedObject
  return {
    metadata: { name, uid, creationTimestamp, resourceVersion },
    involvedObject: { kind, name: about, uid: aboutUid, fieldPath },
    reason: event.reason,
    message: event.message,
    type: event.type,
    count: event.count,
    series: event.series,
    firstTimestamp: event.firstTimestamp,
    lastTimestamp: event.lastTimestamp,
    eventTime: event.eventTime,
    reportingComponent: event.reportingComponent,
    source: source && { component: source.component },
  }
}

function keepLast(page: Map<string, CoreV1Event>, event: CoreV1Event, most: number): void {
  const id = event.metadata.name ?? ''
  page.delete(id)
  page.set(id, event)
  for (const oldest of page.keys()) {
    if (page.size <= most) return
    page.delete(oldest)
  }
}

function keyOf(kind: string | undefined, name: string | undefined): string {
  return `${kind}/${name}`
}
