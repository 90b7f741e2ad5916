import type { V1Pod } from '@kubernetes/client-node'
import { statuses } from '../pod/verdict/status.js'

/** When which end of a container was first seen, in milliseconds since 1970, by the container's name. */
export type EndsSeen = ReadonlyMap<string, { end: string; at: number }>

/** What is known of the ends once this is seen of the pod too. */
export function seeEnds(pod: V1Pod | undefined, before: EndsSeen, now: number): EndsSeen {
  const found = new Map<string, { end: string; at: number }>()
  for (const { name, containerID, state } of pod ? statuses(pod) : []) {
    if (!state?.terminated) continue
    const end = [pod?.metadata?.uid, containerID, String(state.terminated.finishedAt)].join(' ')
    const known = before.get(name)
    found.set(name, known?.end === end ? known : { end, at: now })
  }
  return found
}

/** How long ago that was, in milliseconds. */
export function sinceEnds(ends: EndsSeen, now: number): Map<string, number> {
  return new Map([...ends].map(([name, { at }]) => [name, now - at]))
}
