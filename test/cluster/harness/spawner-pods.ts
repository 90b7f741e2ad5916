import { readdirSync, readFileSync } from 'node:fs'
import type { V1Pod } from '@kubernetes/client-node'

/** The port at which the chart's pods listen. */
export const gatewayPort = 8480

/** Whether a pod of the spawner leads. This machine is the node, so it reaches pods as they reach each other. */
export async function leads({ status }: V1Pod): Promise<boolean> {
  if (status?.podIP === undefined) return false
  try {
    const answer = await fetch(`http://${status.podIP}:${gatewayPort}/readyz`, {
      signal: AbortSignal.timeout(1_000),
    })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

/** The process id, on this machine, of the spawner in a pod: this machine is the node. */
export function processOf({ metadata }: V1Pod): number {
  const uid = metadata?.uid ?? ''
  const found = readdirSync('/proc').filter(entry => /^\d+$/.test(entry) && isSpawner(entry, uid))
  const [pid, ...others] = found
  if (pid === undefined || others.length > 0)
    throw new Error(`${found.length} spawners in the pod ${metadata?.name}`)
  return Number(pid)
}

/** Kills the spawner in a pod as nothing that it can hear of: its container ends, and the kubelet starts it again. */
export function killSpawner(pod: V1Pod): void {
  process.kill(processOf(pod), 'SIGKILL')
}

function isSpawner(entry: string, uid: string): boolean {
  const cgroup = read(`/proc/${entry}/cgroup`).replaceAll('_', '-')
  return cgroup.includes(`pod${uid}`) && read(`/proc/${entry}/cmdline`).includes('job-spawner')
}

// A process may end while it is looked at.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
