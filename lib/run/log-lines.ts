import type { Fault } from '../pod/verdict/judgement.js'

/**
 * Our own lines as the agent writes its: each begins with `ESC _bk;t=<unix ms> BEL`, so that Buildkite shows the time,
 * and ends with CR LF (agent-api §5.2). `atMs` is milliseconds since 1970.
 */
export function logText(lines: readonly string[], atMs: number): Buffer {
  const marker = `\u001b_bk;t=${Math.floor(atMs)}\u0007`
  const plain = lines.flatMap(line => line.split('\n')).map(printable)
  return Buffer.from(plain.map(line => `${marker}${line}\r\n`).join(''))
}

/** The first lines of a job's log, written before there is a pod. */
export function openingLines({
  jobName,
  namespace,
}: {
  jobName: string
  namespace: string
}): string[] {
  return ['~~~ Job spawner', `Kubernetes Job: ${namespace}/${jobName}`]
}

/** The last lines of a log whose run did not end by itself: an open group with the cause, and who can help. */
export function closingLines({
  cause,
  message,
  fault,
}: {
  cause: string
  message: string
  fault?: Fault | undefined
}): string[] {
  const whose = fault === undefined ? [] : [faultText[fault]]
  return [`+++ Job spawner: ${cause}`, ...message.split('\n'), ...whose]
}

const faultText: Record<Fault, string> = {
  cluster: 'Job spawner: the fault is with the cluster, not with the step: a retry may help.',
  job: 'Job spawner: the fault is with the step itself (its image, command or settings): a retry alone will not help.',
}

// What Kubernetes or a pipeline says goes into a terminal's log: no control characters but tabs.
function printable(line: string): string {
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '')
}
