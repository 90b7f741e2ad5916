import { listed, missing, runningInit, startingSidecar } from './container-facts.js'
import { awaitedImage } from './image-facts.js'
import { isPrepared, nodeOf, waitingSince } from './pod-state.js'
import { ours } from './said.js'
import type { Fact, Known } from './facts.js'

/** How long it has been waiting, now and then, so that a log that stands still is known to live. */
export function elapsedFacts(known: Known): Fact[] {
  const since = waitingSince(known.job, known.pod)
  const awaited = awaitedNow(known)
  if (since === undefined || awaited === undefined) return []
  const minutes = Math.floor((known.now - since) / 60_000)
  const mark = marks.findLast(one => one <= minutes)
  if (mark === undefined) return []
  const text = ours(`Waiting for ${spoken(mark)} so far, now for ${awaited}.`)
  return [{ key: `elapsed:${mark}`, atMs: since + mark * 60_000, text }]
}

// In minutes: closely at first, then every quarter of an hour, for three days.
const marks = [1, 2, 5, 10, ...Array.from({ length: 4 * 24 * 3 }, (_, index) => (index + 1) * 15)]

function spoken(minutes: number): string {
  if (minutes === 1) return '1 minute'
  if (minutes < 120) return `${minutes} minutes`
  return `${Number((minutes / 60).toFixed(2))} hours`
}

/** What the pod needs next; undefined when it has all. */
function awaitedNow(known: Known): string | undefined {
  const { pod, job, verdict } = known
  if (verdict.state === 'over') return undefined
  if (!pod && job?.spec?.suspend) return 'the Job to be let go on'
  if (!pod) return 'Kubernetes to make the pod'
  const node = nodeOf(pod)
  if (!node) return 'a node'
  if (!isPrepared(pod)) return `node ${node.name} to prepare volumes and network`
  const image = awaitedImage(known)
  if (image !== undefined) return `image ${image}`
  const init = runningInit(pod)
  if (init !== undefined) return `init container ${init}`
  const sidecar = startingSidecar(pod)
  if (sidecar !== undefined) return `sidecar ${sidecar} to be ready`
  const waits = missing(pod)
  return waits.length === 0 ? undefined : `${listed(waits)} to start`
}
