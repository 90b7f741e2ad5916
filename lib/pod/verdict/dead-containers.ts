import type { V1Pod } from '@kubernetes/client-node'
import { containerEnd } from './container-end.js'
import type { Seen, Verdict } from './judgement.js'
import { over } from './over.js'
import {
  agentRuns,
  endedContainers,
  exitCode,
  isDeleted,
  ledContainers,
  type EndedContainer,
} from './status.js'

// What an agent needs to send the last of the log and its finish, with room to spare.
const noticeMs = 8_000
// It may still ask what it needs to know of the end of a job that went well.
const noticeAllMs = 10_000
// A poll that was on its way when the container ended says nothing. They come every two to four seconds.
const askedAfterMs = 4_000
// When nobody knows whether it has noticed. An earlier process may have turned its last chunk away, which comes again
// after four minutes at the latest. All this time it looks after its containers itself.
const doubtMs = 300_000

/**
 * A container that the agent leads is dead, and the agent, which runs and writes nothing, has not noticed: it would wait
 * for half a minute, or for minutes. It must have asked for its job's state since the end, as it does while it takes the
 * job to run: nothing is concluded from silence. Where nobody knows whether it has, after a restart of ours, it is left
 * the time in which it comes to an end by itself.
 */
export function deadContainer(seen: Seen): Verdict | undefined {
  const { pod } = seen
  if (!pod || !agentRuns(pod) || isDeleted(pod)) return undefined
  const led = ledContainers(pod)
  const ended = endedContainers(pod).filter(({ name }) => led.includes(name))
  const failed = ended.find(({ state }) => isRealEnd(state) && exitCode(state) !== 0)
  if (failed) return isUnnoticed(seen, failed) ? overBy(seen, pod, failed) : undefined
  const last = lastOf(ended, seen)
  if (!last || ended.length < led.length || !allUnnoticed(seen, last)) return undefined
  const names = ended.map(({ name }) => name).join(', ')
  const text = [
    `The containers of the job have ended (${names}), and the agent waits for them: they ended before they connected to it.`,
    'See that their images and patches leave the entrypoint and the volume /workspace as they are.',
  ]
  return over('ExitedBeforeConnecting', seen, { text, lastWordsOf: led })
}

function overBy(seen: Seen, pod: V1Pod, container: EndedContainer): Verdict {
  const { cause, text } = containerEnd(pod, container, seen.events)
  return over(cause, seen, { text, container })
}

// A made-up end: the kubelet has lost sight of the container.
function isRealEnd({ reason }: EndedContainer['state']): boolean {
  return reason !== 'ContainerStatusUnknown'
}

function isUnnoticed(seen: Seen, container: EndedContainer): boolean {
  const { agent } = seen
  const endedMs = endedSince(seen, container)
  if (!agent || agent.writing || endedMs < noticeMs) return false
  const { polledMs } = agent
  if (typeof polledMs === 'number') return polledMs < endedMs - askedAfterMs
  return polledMs === 'never' || endedMs >= doubtMs
}

// A job that went well must not be failed because its agent cannot reach us just now.
function allUnnoticed(seen: Seen, last: EndedContainer): boolean {
  const { agent } = seen
  const endedMs = endedSince(seen, last)
  if (!agent || agent.writing || endedMs < noticeAllMs) return false
  const { polledMs, silentMs } = agent
  const heardMs = polledMs === 'never' ? silentMs : polledMs
  return typeof heardMs === 'number' && heardMs < endedMs - askedAfterMs
}

// The time in its status is of the node's clock, which may be wrong, and what is dead is not to be found dead too soon.
function endedSince({ now, endsSeen }: Seen, { name }: EndedContainer): number {
  return now > 0 ? (endsSeen?.get(name) ?? 0) : 0
}

function lastOf(ended: readonly EndedContainer[], seen: Seen): EndedContainer | undefined {
  return ended.toSorted((a, b) => endedSince(seen, a) - endedSince(seen, b))[0]
}
