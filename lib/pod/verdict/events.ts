import type { CoreV1Event, V1ObjectMeta } from '@kubernetes/client-node'
import { listOf, quote, textOf, timeOf } from './words.js'

/** The events about the object with that kind and uid, newest first. Of an object without a uid, those of its kind. */
export function eventsAbout(
  kind: string,
  metadata: V1ObjectMeta | undefined,
  events: readonly CoreV1Event[] | undefined,
): CoreV1Event[] {
  const uid = metadata?.uid
  // Their times are of whole seconds, and both the API server and a watch tell of the later one later.
  return listOf(events)
    .toReversed()
    .filter(({ involvedObject: about }) => about?.kind === kind)
    .filter(({ involvedObject: about }) => !uid || !about.uid || about.uid === uid)
    .toSorted((a, b) => eventTime(b) - eventTime(a))
}

/** When an event was last seen, in milliseconds since 1970. */
export function eventTime({ series, lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  const times = [series?.lastObservedTime, lastTimestamp, eventTime, metadata?.creationTimestamp]
  return times.map(timeOf).find(time => time !== undefined) ?? 0
}

/** An event in Kubernetes' own words. */
export function eventText({ reason, message }: CoreV1Event): string | undefined {
  return quote(reason, message)
}

/** The name of the container that an event is about: `spec.containers{agent}` is about `agent`. */
export function containerOf({ involvedObject }: CoreV1Event): string | undefined {
  return /\{(.+)\}$/.exec(textOf(involvedObject?.fieldPath))?.[1]
}
