import type { CoreV1Event } from '@kubernetes/client-node'
import { eventTime } from '../verdict/events.js'
import { timeOf } from '../verdict/words.js'

/** When what the event says happened first, in milliseconds since 1970; 0 when it does not say. */
export function firstTime({ firstTimestamp, eventTime, metadata }: CoreV1Event): number {
  const times = [firstTimestamp, eventTime, metadata?.creationTimestamp]
  return times.map(timeOf).find(time => time !== undefined) ?? 0
}

/** How often it happened. */
export function timesOf({ series, count }: CoreV1Event): number {
  return series?.count ?? count ?? 1
}

/** Who says it, such as `kubelet`. */
export function reporter({ reportingComponent, source }: CoreV1Event): string {
  return reportingComponent || source?.component || ''
}

/** The newest of the events with these reasons. */
export function newest(
  events: readonly CoreV1Event[],
  ...reasons: readonly string[]
): CoreV1Event | undefined {
  return events
    .filter(({ reason }) => reasons.includes(reason ?? ''))
    .toSorted((a, b) => eventTime(b) - eventTime(a))[0]
}
