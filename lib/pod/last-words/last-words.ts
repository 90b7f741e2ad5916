import type {
  V1Container,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1EnvVar,
  V1Pod,
} from '@kubernetes/client-node'
import { cut, plain, type Redact } from '../narration/said.js'
import { neverStarted, statuses } from '../verdict/status.js'
import { knownPatterns, containersOf, secretNames } from './needles.js'
import { pieceRedactor } from './redaction.js'

/** A container whose end asks for an explanation. */
export interface LastWordsOf {
  pod: V1Pod
  container: string
  /** The end of its log; undefined when it was not asked for, or is not to be had. */
  log: string | undefined
  /** The job's environment. */
  env: Readonly<Record<string, string>>
  /** The patterns of names whose values are secret, besides the usual ones and those that the pod's agent is given. */
  redactedVars: readonly string[]
}

/** How many lines of a log to ask for. */
export const lastLines = 20

/**
 * Whether to ask for the container's log. Not when it has none, nor when it takes variables from Secrets: we may not
 * read those, and so could not redact what it says.
 */
export function wantsLog(pod: V1Pod, container: string): boolean {
  const spec = containersOf(pod.spec).find(({ name }) => name === container)
  return spec !== undefined && hasRun(statusOf(pod, container)) && isRedactable(spec, pod)
}

/**
 * The container's termination message and the last lines of its log, with a heading for each, redacted as the agent
 * redacts. Where they can't be shown, where to look instead.
 */
export function lastWords({ pod, container, log, env, redactedVars }: LastWordsOf): string[] {
  const spec = containersOf(pod.spec).find(({ name }) => name === container)
  const status = statusOf(pod, container)
  const end = status?.state?.terminated ?? status?.lastState?.terminated
  const redact = pieceRedactor({ env, podSpec: pod.spec, redactedVars })
  const mayShow = spec !== undefined && isRedactable(spec, pod)
  // What could not be started has said nothing: the message is the runtime's.
  const said = mayShow || neverStarted(end) ? messageLines(end, spec, redact) : []
  const written = mayShow && log !== undefined ? logLines(log, redact) : undefined
  const isRepeated = written !== undefined && said.every(line => written.includes(line))
  return [
    ...(isRepeated ? [] : block(`Termination message of container ${container}:`, said)),
    ...logBlock(container, written),
    ...(written !== undefined || !hasRun(status) ? [] : elsewhere(pod, container, mayShow)),
  ]
}

function logBlock(container: string, written: readonly string[] | undefined): string[] {
  if (written === undefined) return []
  if (written.length === 0) return [`Container ${container} wrote nothing to its log.`]
  const count = written.length === 1 ? 'line' : `${written.length} lines`
  return block(`The last ${count} of container ${container}:`, written)
}

function elsewhere(pod: V1Pod, container: string, mayShow: boolean): string[] {
  const { namespace, name } = pod.metadata ?? {}
  const previous = statusOf(pod, container)?.state?.terminated ? '' : ' --previous'
  const why = mayShow
    ? `The log of container ${container} could not be read.`
    : `The log of container ${container} is not shown here: it takes variables from Secrets, which can't be redacted.`
  const command = `kubectl logs --namespace ${namespace} ${name} --container ${container}${previous}`
  return [`${why} While its pod is there: ${command}`]
}

// The bar keeps a line that looks like a group of Buildkite's log from being one.
function block(heading: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [heading, ...lines.map(line => `  | ${line}`)]
}

// So much of a log the kubelet takes for a message, and so much we ask for. A text of that size may begin in the middle
// of a line.
const fallbackBytes = 2_048
const logBytes = 64 * 1_024

function messageLines(
  end: V1ContainerStateTerminated | undefined,
  container: V1Container | undefined,
  redact: Redact,
): string[] {
  const isOfLog = container?.terminationMessagePolicy === 'FallbackToLogsOnError'
  return linesOf(end?.message ?? '', isOfLog ? fallbackBytes : logBytes, redact)
}

function logLines(log: string, redact: Redact): string[] {
  return linesOf(log, logBytes, redact)
}

// Redacted as a whole, before anything is left out: values may have several lines.
function linesOf(text: string, limit: number, redact: Redact): string[] {
  const isCut = new TextEncoder().encode(text).length > limit - longestCharacter
  const lines = redact(plain(text))
    .split(/\r\n|\r|\n/)
    .map(line => line.trimEnd())
  const whole = isCut && lines.length > 1 ? lines.slice(1) : lines
  return whole
    .slice(0, whole.findLastIndex(line => line !== '') + 1)
    .slice(-lastLines)
    .map(cut)
}

const longestCharacter = 4

function hasRun(status: V1ContainerStatus | undefined): boolean {
  const { running, terminated } = status?.state ?? {}
  const end = terminated ?? status?.lastState?.terminated
  return running !== undefined || (end !== undefined && !neverStarted(end))
}

function statusOf(pod: V1Pod, container: string): V1ContainerStatus | undefined {
  return statuses(pod).find(({ name }) => name === container)
}

function isRedactable({ env = [], envFrom = [] }: V1Container, pod: V1Pod): boolean {
  const isSecret = secretNames(knownPatterns(pod.spec))
  return !envFrom.some(({ secretRef }) => secretRef) && !env.some(one => isUnknown(one, isSecret))
}

// A ConfigMap is no place for secrets, unless the variable's name says otherwise.
function isUnknown({ name, valueFrom }: V1EnvVar, isSecret: (name: string) => boolean): boolean {
  if (!valueFrom || valueFrom.fieldRef || valueFrom.resourceFieldRef) return false
  return valueFrom.configMapKeyRef ? isSecret(name) : true
}
