import type { V1ContainerStatus } from '@kubernetes/client-node'
import { containerEnd, isKilled, runtimeSays } from './container-end.js'
import { containerOf, eventsAbout, eventText } from './events.js'
import type { Seen, Verdict } from './judgement.js'
import { isOutOfMemory } from './memory.js'
import { hasRun, over } from './over.js'
import { endText, failedInit, initStatuses, neverStarted, sidecars } from './status.js'
import { textOf } from './words.js'

/** An init container failed, so that no other container will start. */
export function initFailed(seen: Seen): Verdict | undefined {
  const { pod } = seen
  const failed = pod && failedInit(pod)
  if (!failed) return undefined
  const consequence = `No other container of the pod starts: ${failed.name} is an init container.`
  if (isKilled(failed) || neverStarted(failed.state)) {
    const { cause, text } = containerEnd(pod, failed, seen.events)
    const ours = failed.name === 'copy-agent' && !isOutOfMemory(failed)
    return over(ours ? 'CopyAgentFailed' : cause, seen, {
      text: [...text, consequence],
      container: failed,
    })
  }
  const ours = failed.name === 'copy-agent'
  const text = [
    `The init container ${failed.name} failed.`,
    endText(failed),
    consequence,
    ours
      ? copyHelp
      : `Mend the init container ${failed.name}: its last words follow, where they may be shown.`,
  ]
  return over(ours ? 'CopyAgentFailed' : 'InitFailed', seen, { text, container: failed })
}

const copyHelp =
  'It copies the agent for the other containers. Whoever runs the job spawner sees to its agent image.'

// Once can be a chance. Kubernetes waits longer each time: ten seconds, twenty, forty.
const fewestFailures = 2

/** A sidecar that ends again and again before the agent has started: the pod waits for it. */
export function sidecarCrash(seen: Seen): Verdict | undefined {
  const { pod } = seen
  if (!pod || !(seen.now > 0) || hasRun(seen)) return undefined
  const names = sidecars(pod)
  const crashed = initStatuses(pod).find(
    status =>
      names.has(status.name) && status.started !== true && failures(status) >= fewestFailures,
  )
  if (!crashed) return undefined
  const name = textOf(crashed.name)
  const last = crashed.state?.terminated ?? crashed.lastState?.terminated
  const end = last && { name, state: last }
  const [event] = eventsAbout('Pod', pod.metadata, seen.events).filter(
    one => containerOf(one) === name && told.includes(one.reason ?? ''),
  )
  const text = [
    `The sidecar ${name} has ended ${failures(crashed)} times, and the pod does not start without it.`,
    end && endText(end),
    (end && runtimeSays(end)) ?? (event && eventText(event)),
    `Mend the sidecar ${name}: its last words follow, where they may be shown.`,
  ]
  return over('SidecarCrash', seen, { text, lastWordsOf: [name] })
}

const told = ['BackOff', 'Unhealthy', 'Killing']

function failures({ state, restartCount }: V1ContainerStatus): number {
  const restarts = Number.isInteger(restartCount) ? restartCount : 0
  const hasEnded = state?.terminated || state?.waiting?.reason === 'CrashLoopBackOff'
  return restarts + (hasEnded ? 1 : 0)
}
