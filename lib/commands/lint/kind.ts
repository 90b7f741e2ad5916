import { movedKey } from '../../config/moved.js'
import { options, type OptionName } from '../../config/schema.js'
import { isMap } from '../../pipeline/values.js'
import { isPayload } from '../render/step-jobs.js'

/** What a file is to be checked as. */
export type Kind = (typeof kinds)[number]

/** The kinds that can be named by `--kind`. */
export const kinds = ['pipeline', 'config', 'values', 'payload'] as const

/** What the file's keys say that it is; nothing when they say nothing. */
export function kindOf(value: unknown): Kind | undefined {
  if (Array.isArray(value)) return 'pipeline'
  if (!isMap(value)) return undefined
  if ('steps' in value) return 'pipeline'
  if (isPayload(value)) return 'payload'
  if (isMap(value['config']) || tokens.some(key => key in value)) return 'values'
  return Object.keys(value).some(key => key in options || movedKey(key)) ? 'config' : undefined
}

// What only values of a chart have: ours, and agent-stack-k8s'.
const tokens = ['agentToken', 'agentTokenSecret', 'agentStackSecret']

/** The settings that agent-stack-k8s has under the same name. */
const shared: readonly OptionName[] = [
  'tags',
  'max-in-flight',
  'namespace',
  'job-prefix',
  'job-ttl',
  'job-active-deadline-seconds',
  'default-termination-grace-period-seconds',
  'pod-pending-timeout',
  'image-pull-backoff-grace-period',
  'empty-job-grace-period',
  // Its documentation has it here; it takes it in agent-config alone.
  'container-start-timeout',
  'image-check-container-cpu-limit',
  'image-check-container-memory-limit',
  'workspace-mount-sub-path-expr',
  'workspace-volume',
  'additional-redacted-vars',
  'default-resource-class-name',
  'resource-classes',
  'prohibit-kubernetes-plugin',
  'allow-pod-spec-patch-unsafe-command-modification',
  'pod-spec-patch',
  'agent-config',
  'default-checkout-params',
  'default-command-params',
  'default-sidecar-params',
  'default-metadata',
  'log-level',
]

/** Whether settings are those of agent-stack-k8s: keys that it alone has, and none that we alone have. */
export function isPeerConfig(config: Record<string, unknown>): boolean {
  const keys = Object.keys(config)
  const ours = keys.some(key => key in options && !shared.includes(key as OptionName))
  return !ours && keys.some(key => !(key in options) && movedKey(key) !== undefined)
}
