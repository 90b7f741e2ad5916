import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import { orAfter, type Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { PodFinish } from '../gateway/gateway-run.js'
import type { Log } from '../log.js'
import {
  explain,
  isSettled,
  mayBeMemory,
  mayExplain,
  type Explanation,
  type Reported,
} from '../pod/verdict/explain.js'
import { jobAndPod } from '../supervise/fresh-look.js'
import { lastWordsOf } from '../supervise/last-words.js'
import { redactFor } from '../supervise/redact-for.js'
import { reportedStatus, type Told } from './ending.js'
import { holdIsKnown, holdLines, mayBeHeld } from './hold-lines.js'
import { closingLines } from './log-lines.js'

/** The run whose end is to be explained. */
export interface ExplainedRun {
  /** The name of its Job. */
  jobName: string
  /** The job's environment. */
  env: Record<string, string>
  /** Patterns of the names of variables whose values are not for logs, beside the agent's own. */
  redactedVars: readonly string[]
}

/** What explaining needs. */
export interface ExplanationContext {
  cluster: Pick<Cluster, 'getJob' | 'podsOfJob' | 'events' | 'podLog'>
  /** The run's Job and pod as the watch knows them, for when the API server does not say. */
  watched?: () => JobAndPod
  clock: Clock
  log: Log
}

// The pod waits for an answer to its finish. One that was told to stop may have little time left; and from an API server
// that has said nothing by then there is nothing to wait for.
const patienceMs = 3_000
// A kubelet, or an API server, that has much to do takes longer; the agent gives its call a minute.
const longPatienceMs = 10_000
// A kubelet tells of a container's end some tenths of a second after it.
const lookAgainMs = 400

/**
 * What the cluster knows of an end that a pod has reported, as far as it says so in a few seconds; undefined when there
 * is nothing to add. A job that went well, or was cancelled, costs no call; one that failed two, and more when its pod
 * has a memory limit, until the kubelet has told how its container ended.
 */
export async function explanation(
  finish: PodFinish,
  run: ExplainedRun,
  context: ExplanationContext,
): Promise<Told | undefined> {
  const reported = reportedEnd(finish)
  const mayStay = mayBeHeld(finish, run.env)
  // A container that stays has not ended; one that ran out of memory does not stay.
  const isOdd = mayExplain(reported) || (mayBeMemory(reported) && !mayStay)
  if (!isOdd && !mayStay) return undefined
  const { cluster, clock, log } = context
  const isEnough = (seen: JobAndPod) =>
    (!isOdd || isSettled(reported, seen.pod)) && (!mayStay || holdIsKnown(seen))
  const mayWait = reported.signalReason !== 'agent_stop'
  const asked = await look(run.jobName, { ...context, isEnough, mayWait })
  const seen = asked && isEnough(asked) ? asked : bestOf(asked, context.watched?.(), isEnough)
  if (!seen) {
    log.warn({ name: run.jobName }, "how the pod's end came is not known")
    return undefined
  }
  const found = isOdd ? explain(reported, seen) : undefined
  const held = mayStay ? holdLines({ ...seen, now: clock.now() }) : []
  if (!found) return held.length > 0 ? { message: held.join('\n'), lines: held } : undefined
  const { pod } = seen
  const whose = { run: { ...run, log }, cluster, clock }
  const words = pod ? await lastWordsOf(found.lastWordsOf ?? [], pod, whose) : []
  const message = redactFor(run, pod?.spec)(found.message)
  return told({ ...found, message }, [...words, ...held])
}

function told(
  { cause, fault, message, exitStatus, signal }: Explanation,
  more: readonly string[],
): Told {
  return {
    cause,
    fault,
    message,
    lines: [...closingLines({ cause, message, fault }), ...more],
    ...(exitStatus !== undefined && {
      amend: { exit_status: String(exitStatus), ...(signal !== undefined && { signal }) },
    }),
  }
}

function reportedEnd(finish: PodFinish): Reported {
  const { signal_reason: reason } = finish
  const signalReason = typeof reason === 'string' && reason !== '' ? reason : undefined
  return { exitStatus: reportedStatus(finish), signalReason }
}

interface JobAndPod {
  job: V1Job | undefined
  pod: V1Pod | undefined
}

interface Look extends JobAndPod {
  events: readonly CoreV1Event[]
  jobEvents: readonly CoreV1Event[]
}

// Fresh from the API server, until the status knows all that is needed. After the time for it, what was seen last.
async function look(
  jobName: string,
  context: ExplanationContext & {
    isEnough: (seen: JobAndPod) => boolean
    mayWait: boolean
  },
): Promise<Look | undefined> {
  const { clock, log, isEnough, mayWait } = context
  const enough = new AbortController()
  let last: Look | undefined
  const looking = async () => {
    while (!enough.signal.aborted) {
      try {
        const now = await jobAndPod(jobName, context.cluster)
        const settled = isEnough(now)
        // Not each time: many pods may end at once, and events are the larger part of what is asked.
        const askEvents = settled || !last
        last = { ...(last ?? { events: [], jobEvents: [] }), ...now }
        if (askEvents) last = { ...last, ...(await eventsAbout(now.pod, jobName, context)) }
        if (settled) return
      } catch (error) {
        log.debug({ err: error }, "the API server does not say how the pod's end came")
      }
      await clock.sleep(lookAgainMs, enough.signal)
    }
  }
  const looked = looking().then(
    () => true,
    () => true,
  )
  const done = await orAfter(looked, patienceMs, { clock, instead: false })
  if (!done && last && mayWait)
    await orAfter(looked, longPatienceMs - patienceMs, { clock, instead: false })
  enough.abort()
  return last
}

// What the watch knows, when what was asked for is not enough or nothing was said.
function bestOf(
  asked: Look | undefined,
  watched: JobAndPod | undefined,
  isEnough: (seen: JobAndPod) => boolean,
): Look | undefined {
  if (!watched?.pod || (asked && !isEnough(watched))) return asked
  return { events: [], jobEvents: [], ...asked, ...watched }
}

async function eventsAbout(
  pod: V1Pod | undefined,
  jobName: string,
  { cluster }: ExplanationContext,
): Promise<Pick<Look, 'events' | 'jobEvents'>> {
  const podName = pod?.metadata?.name
  const [events, jobEvents] = await Promise.all([
    podName === undefined ? [] : eventsOf(podName, cluster),
    eventsOf(jobName, cluster),
  ])
  return { events, jobEvents }
}

// We may not read them everywhere, and they only add to what the status says.
async function eventsOf(
  name: string,
  cluster: Pick<Cluster, 'events'>,
): Promise<readonly CoreV1Event[]> {
  try {
    return await cluster.events(name)
  } catch (error) {
    if (isClusterError(error)) return []
    throw error
  }
}
