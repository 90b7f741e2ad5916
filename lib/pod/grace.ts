import type { KubernetesPlugin } from './plugin.js'

/** How long a pod may take to end, in seconds: as its podSpec says, else a minute. */
export function terminationGracePeriodSeconds(plugin: KubernetesPlugin): number {
  return plugin.podSpec?.terminationGracePeriodSeconds ?? 60
}

/** How the pod agent spends the pod's grace when a job is cancelled, in whole seconds. */
export interface CancelTimes {
  /** From the first signal to the end of the process, at most. */
  whole: number
  /** What the command gets after the first signal, before it is killed. */
  signal: number
  /** What is left then for hooks, the last of the log and `finish`. */
  cleanup: number
}

/** Ten seconds of the grace are for cleaning up, or half of it when it is shorter than twenty. */
export function cancelTimes(graceSeconds: number): CancelTimes {
  const whole = Math.max(1, graceSeconds)
  const cleanup = Math.min(10, Math.floor(whole / 2))
  return { whole, signal: whole - cleanup, cleanup }
}
