import type { CoreV1Event } from '@kubernetes/client-node'
import { containerOf } from '../verdict/events.js'
import { duration, goDuration, size } from './amounts.js'
import { firstTime } from './events.js'
import { allContainers, hasStarted } from './pod-state.js'
import { ours } from './said.js'
import type { Fact, Known } from './facts.js'

/** The images that are being pulled, and those that have been; each once, however many containers have it. */
export function imageFacts(known: Known): Fact[] {
  const pulled = pulls(known.events)
  const done = new Set(pulled.map(({ image }) => image))
  return [
    ...pulled.map(pulledFact),
    ...pulling(known)
      .filter(({ image }) => !done.has(image))
      .map(pullingFact),
  ]
}

/** The image that the pod waits for now. */
export function awaitedImage(known: Known): string | undefined {
  const done = new Set(pulls(known.events).map(({ image }) => image))
  return pulling(known).find(({ image }) => !done.has(image))?.image
}

interface Pull {
  image: string
  atMs: number
  container?: string | undefined
  tookMs?: number | undefined
  queuedMs?: number | undefined
  bytes?: number | undefined
}

function pulling({ pod, events }: Known): Pull[] {
  const started = new Set(
    pod
      ? allContainers(pod)
          .filter(hasStarted)
          .map(one => one.name)
      : [],
  )
  return firstOfEach(
    events.flatMap(event => {
      const image = /^Pulling image "(.+)"$/.exec(event.message ?? '')?.[1]
      const container = containerOf(event)
      if (event.reason !== 'Pulling' || image === undefined || started.has(container ?? ''))
        return []
      return [{ image, container, atMs: firstTime(event) }]
    }),
  )
}

// The kubelet's words: what the pull took, and what it took with the pulls before it, as nodes pull one by one.
const successPattern =
  /^Successfully pulled image "(.+)" in (\S+)(?: \((\S+) including waiting\))?(?:\. Image size: (\d+) bytes)?/

function pulls(events: readonly CoreV1Event[]): Pull[] {
  return firstOfEach(
    events.flatMap(event => {
      const [, image, took = '', whole = '', bytes] = successPattern.exec(event.message ?? '') ?? []
      if (event.reason !== 'Pulled' || image === undefined) return []
      const tookMs = goDuration(took)
      const wholeMs = goDuration(whole)
      const queuedMs = tookMs === undefined || wholeMs === undefined ? 0 : wholeMs - tookMs
      const atMs = firstTime(event)
      return [{ image, atMs, tookMs, queuedMs, bytes: bytes === undefined ? bytes : Number(bytes) }]
    }),
  )
}

function firstOfEach(pulls: readonly Pull[]): Pull[] {
  const sorted = pulls.toSorted((a, b) => a.atMs - b.atMs)
  return sorted.filter(({ image }, index) => sorted.findIndex(one => one.image === image) === index)
}

function pullingFact({ image, container, atMs }: Pull): Fact {
  const whose = container === undefined ? '' : ` for container ${container}`
  return { key: `pulling:${image}`, atMs, text: ours(`Pulling image ${image}${whose}.`) }
}

function pulledFact({ image, atMs, tookMs, queuedMs = 0, bytes }: Pull): Fact {
  const took = tookMs === undefined ? '' : ` in ${duration(tookMs)}`
  const weight = bytes ? ` (${size(bytes)})` : ''
  const queued =
    queuedMs >= 2_000 ? `, after ${duration(queuedMs)} behind other pulls of the node` : ''
  return {
    key: `pulled:${image}`,
    atMs,
    text: ours(`Pulled image ${image}${took}${weight}${queued}.`),
  }
}
