import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { clusterState, clusterTools, programEnv } from './env.js'
import { exec } from './exec.js'
import { eventually } from './kubectl.js'
import type { Teardown } from './namespaces.js'

/** A process of the cluster that can be stopped while the others go on. */
export type Component = 'apiserver' | 'kubelet'

/** Whether the cluster's processes are ours to stop: those that shared/cluster has started on this machine. */
export function hasComponents(): boolean {
  return existsSync(pidFile('kubelet'))
}

/** Stands still: connections stay open, and nobody answers on them. */
export function stall(component: Component): void {
  process.kill(pidOf(component), 'SIGSTOP')
}

/** Dies. `restore` starts it again. */
export async function kill(component: Component): Promise<void> {
  process.kill(pidOf(component), 'SIGKILL')
  await eventually(`the end of ${component}`, async () => !isAlive(component) || undefined, 20)
}

/**
 * Brings a component back, and waits until the cluster is ready. A dead kubelet is noticed by the API server after
 * most of a minute only, and not started again before that.
 */
export async function restore(component: Component): Promise<void> {
  if (isAlive(component)) process.kill(pidOf(component), 'SIGCONT')
  await eventually(
    `${component} to be back`,
    async () => {
      await exec(join(clusterTools, 'up'), [], { env: { ...programEnv, KUBECONFIG: undefined } })
      return isAlive(component) || undefined
    },
    180,
  )
}

/** Whatever the test does to it, the component is back when the test has ended. */
export function restoreInTheEnd(t: Teardown, component: Component): void {
  t.teardown(() => restore(component))
}

function pidFile(component: Component): string {
  return join(clusterState, `run/${component}.pid`)
}

function pidOf(component: Component): number {
  return Number(readFileSync(pidFile(component), 'utf8'))
}

// Not merely a number that is in use again. What is dead and not yet waited for has no command line.
function isAlive(component: Component): boolean {
  try {
    return readFileSync(`/proc/${pidOf(component)}/cmdline`, 'utf8').includes(`\0${component}\0`)
  } catch {
    return false
  }
}
