import type { V1PodSpec } from '@kubernetes/client-node'
import type { PodSettings } from '../given/settings.js'

/** How long the pod may take to end, in seconds, as the last of its authors has it. */
export function graceSeconds(spec: V1PodSpec, settings: PodSettings): number {
  return spec.terminationGracePeriodSeconds ?? settings.terminationGracePeriodSeconds
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

/**
 * Ten seconds of the grace are for cleaning up, or half of it when it is shorter than twenty. Both parts are a second at
 * least, whatever the pod has: an agent whose command may take all of the time does not start (agent v3: cancel_signal.go).
 */
export function cancelTimes(graceSeconds: number): CancelTimes {
  const whole = Math.max(2, graceSeconds)
  const cleanup = Math.min(10, Math.floor(whole / 2))
  return { whole, signal: whole - cleanup, cleanup }
}
