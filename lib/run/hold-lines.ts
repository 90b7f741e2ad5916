import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { PodFinish } from '../gateway/gateway-run.js'
import { durationText } from '../pod/given/hold.js'
import { holdSecondsOf } from '../pod/metadata.js'
import { ledContainers, mainStatuses } from '../pod/verdict/status.js'
import { reportedStatus } from './ending.js'

/** Whether the pod of a job may stay after this finish: the job's step asks for it, and its command has failed. */
export function mayBeHeld(reported: PodFinish, env: Record<string, string>): boolean {
  const { signal_reason: reason } = reported
  // Who was told to stop does not stay.
  if (reportedStatus(reported) === 0 || reason === 'cancel' || reason === 'agent_stop') return false
  return env['BUILDKITE_PLUGINS']?.includes('holdOnFailure') === true
}

/** What the API server says of a run's Job and pod. */
interface Seen {
  job: V1Job | undefined
  pod: V1Pod | undefined
}

/** Whether the status knows which containers stay, or none does. A kubelet tells of a start some seconds after it. */
export function holdIsKnown({ job, pod }: Seen): boolean {
  if (!job || !pod || holdSecondsOf(job) === 0) return true
  const containers = commandContainers(pod)
  return (
    containers.some(({ state }) => state?.running) ||
    containers.every(({ state }) => state?.terminated)
  )
}

/** How to look into a pod that stays; nothing when it does not. `now` is milliseconds since 1970. */
export function holdLines({ job, pod, now }: Seen & { now: number }): string[] {
  const seconds = job ? holdSecondsOf(job) : 0
  // The one whose command failed is the first, but for one before it of whose end the kubelet has not told yet.
  const staying = pod ? commandContainers(pod).filter(({ state }) => !state?.terminated) : []
  const { name, namespace } = pod?.metadata ?? {}
  if (seconds === 0 || staying.length === 0) return []
  return [
    `+++ Job spawner: the pod stays for ${durationText(seconds)}, until ${timeText(now + seconds * 1_000)}`,
    ...staying.map(
      ({ name: container }) =>
        `kubectl exec -it --namespace ${namespace} ${name} -c ${container} -- /bin/sh`,
    ),
  ]
}

function commandContainers(pod: V1Pod) {
  return ledContainers(pod)
    .filter(name => name !== 'checkout')
    .map(name => ({ name, state: mainStatuses(pod).find(one => one.name === name)?.state }))
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
