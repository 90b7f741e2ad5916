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

/** The last lines of a log whose run did not end by itself: an open group with the cause. */
export function closingLines(title: string, text: string): string[] {
  return [`+++ Job spawner: ${title}`, ...text.split('\n')]
}

// What Kubernetes or a pipeline says goes into a terminal's log: no control characters but tabs.
function printable(line: string): string {
  return line.replace(/[\u0000-\u0008\u000a-\u001f\u007f]/g, '')
}
