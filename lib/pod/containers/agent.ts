import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { agentConfigEnv, agentConfigMounts, operatorsEnv, verifies } from './agent-config.js'
import { checkoutEnv, checkoutParams } from './checkout-params.js'
import { exactly, fromField, ownThenOurs, unlessOwn } from './env.js'
import type { PatchedPod } from './patched-pod.js'
import { cancelTimes, graceSeconds } from './grace.js'
import { durationText } from '../given/hold.js'
import type { JobInputs } from '../given/inputs.js'
import { sameCommand } from './same-command.js'
import { imagePullPolicy } from './pull-policy.js'
import type { PodSettings } from '../given/settings.js'
import { tokenMount, tokenReference } from './token.js'
import { heldMounts, socketsPath, volumeMounts, workspace } from './volumes.js'

/** The container of the pod agent, as patches see it: it acquires the job and leads the other containers. */
export function agentDraft(inputs: JobInputs, settings: PodSettings): V1Container {
  return {
    name: 'agent',
    image: settings.agentImage,
    ...imagePullPolicy(settings),
    // No command: the image's own entrypoint runs.
    args: ['start'],
    workingDir: workspace,
    env: usualEnv(inputs, settings),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: volumeMounts(settings, {
      before: agentConfigMounts(settings.agentConfig, 'agent'),
      // A step could put another program in the place of the one that checks its signature.
      after: verifies(settings.agentConfig) ? [] : inputs.plugin.extraVolumeMounts,
    }),
  }
}

/** The container as the patches left it, with what makes it the agent of this job and of this pod. */
export function finishedAgent(
  pod: PatchedPod,
  inputs: JobInputs,
  settings: PodSettings,
): V1Container {
  const draft = agentDraft(inputs, settings)
  const patched = sameCommand(
    draft,
    pod.spec.containers.find(({ name }) => name === 'agent') ?? draft,
    settings,
  )
  const env = ownThenOurs(patched.env, [
    ...fixedEnv(pod, inputs, settings),
    ...operatorsEnv(settings.agentConfig),
  ])
  return {
    ...patched,
    image: patched.image ?? settings.agentImage,
    env: unlessOwn(env, cancelEnv(graceSeconds(pod.spec, settings))),
    volumeMounts: [...heldMounts(patched.volumeMounts, settings, 'agent'), tokenMount()],
  }
}

/**
 * What the operator or the step may have otherwise by a patch. The pod agent hands all of its environment but its own
 * settings to the job, so that nothing secret may stand here (Agent API, bootstrap environment).
 */
function usualEnv(inputs: JobInputs, settings: PodSettings): V1EnvVar[] {
  return [
    ...agentTags(inputs),
    exactly('BUILDKITE_BUILD_PATH', `${workspace}/build`),
    ...startTimeoutEnv(settings),
    ...agentConfigEnv(settings.agentConfig),
    exactly('BUILDKITE_REDACTED_VARS', redactedVars(settings).join(',')),
    ...checkoutEnv(checkoutParams(inputs, settings)),
  ]
}

/** What nobody else may say: which job it is, who answers for Buildkite, and whom the agent leads. */
function fixedEnv(pod: PatchedPod, inputs: JobInputs, settings: PodSettings): V1EnvVar[] {
  return [
    exactly('BUILDKITE_KUBERNETES_EXEC', 'true'),
    exactly('BUILDKITE_CONTAINER_COUNT', String(pod.led.length)),
    exactly('BUILDKITE_AGENT_ACQUIRE_JOB', inputs.id),
    exactly('BUILDKITE_AGENT_ENDPOINT', settings.gatewayEndpoint),
    exactly('BUILDKITE_AGENT_TOKEN', tokenReference),
    exactly('BUILDKITE_AGENT_PING_MODE', 'poll-only'),
    fromField('BUILDKITE_K8S_NODE', 'spec.nodeName'),
    fromField('BUILDKITE_K8S_NAMESPACE', 'metadata.namespace'),
    fromField('BUILDKITE_K8S_SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    exactly('BUILDKITE_SOCKETS_PATH', socketsPath('agent')),
  ]
}

/** The agent splits its tags at commas, so that a tag with one in it cannot be told to it. */
function agentTags({ tags }: JobInputs): V1EnvVar[] {
  const pairs = Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .filter(pair => !pair.includes(','))
  return pairs.length === 0 ? [] : [exactly('BUILDKITE_AGENT_TAGS', pairs.toSorted().join(','))]
}

/** In Go's words of a duration. What agent-config says of the same goes before it. */
function startTimeoutEnv({ containerStartTimeoutMs: wait, agentConfig }: PodSettings): V1EnvVar[] {
  if (wait === undefined || agentConfig?.['container-start-timeout'] !== undefined) return []
  const value = wait % 1_000 === 0 ? durationText(wait / 1_000) : `${wait}ms`
  return [exactly('BUILDKITE_KUBERNETES_CONTAINER_START_TIMEOUT', value)]
}

/** The agent's own list: setting the variable replaces it. */
export const usuallyRedacted = [
  '*_PASSWORD',
  '*_SECRET',
  '*_TOKEN',
  '*_PRIVATE_KEY',
  '*_SSH_KEY',
  '*_ACCESS_KEY',
  '*_SECRET_KEY',
  '*_CONNECTION_STRING',
  '*_API_KEY',
]

function redactedVars({ additionalRedactedVars = [] }: PodSettings): string[] {
  return [...usuallyRedacted, ...additionalRedactedVars]
}

/** The times of a cancellation, in the variables of agents of version 3 and of version 4. */
function cancelEnv(grace: number): V1EnvVar[] {
  const { whole, signal, cleanup } = cancelTimes(grace)
  return [
    exactly('BUILDKITE_CANCEL_GRACE_PERIOD', String(whole)),
    exactly('BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS', String(signal)),
    exactly('BUILDKITE_CANCEL_SIGNAL_TIMEOUT', `${signal}s`),
    exactly('BUILDKITE_CANCEL_CLEANUP_TIMEOUT', `${cleanup}s`),
  ]
}
