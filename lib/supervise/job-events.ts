import type { CoreV1Event } from '@kubernetes/client-node'
import type { Fault } from '../pod/verdict/judgement.js'

/** How a run ended, for the event about its Job. */
export interface JobEnd {
  namespace: string
  jobName: string
  /** Events without it are not found by `kubectl describe`. */
  jobUid: string | undefined
  by: 'pod' | 'spawner' | 'upstream'
  exitStatus: number | undefined
  cause: string | undefined
  fault: Fault | undefined
  /** What people read in the job's log, when we have ended it over a verdict. */
  message: string | undefined
  /** Milliseconds since 1970. */
  now: number
}

// What the API server takes.
const longestMessage = 1_024

/** The event on a Job that says how the run that it was made for has ended. */
export function jobEndEvent(end: JobEnd): CoreV1Event {
  const { namespace, jobName: name, jobUid: uid, cause, now } = end
  const at = new Date(now)
  const reason = /^[A-Za-z][A-Za-z0-9]{0,127}$/.test(cause ?? '') ? cause : 'Finished'
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${now.toString(16)}`, namespace },
    involvedObject: { apiVersion: 'batch/v1', kind: 'Job', name, namespace, uid },
    reason,
    message: shortened(textOf(end)),
    type: end.by === 'pod' && cause === undefined ? 'Normal' : 'Warning',
    count: 1,
    firstTimestamp: at,
    lastTimestamp: at,
    reportingComponent: 'job-spawner',
    source: { component: 'job-spawner' },
  }
}

function textOf({ by, exitStatus, cause, fault, message }: JobEnd): string {
  if (by === 'upstream') return `Buildkite has ended the job: ${cause ?? 'it does not say why'}.`
  const status = exitStatus === undefined ? '' : ` with exit status ${exitStatus}`
  const whose = fault === undefined ? '' : `, the ${fault}'s fault`
  const why = cause === undefined ? '' : ` (${cause}${whose})`
  return [`The Buildkite job has finished${status}${why}.`, message].filter(Boolean).join(' ')
}

function shortened(text: string): string {
  return text.length <= longestMessage ? text : `${text.slice(0, longestMessage - 1)}…`
}
