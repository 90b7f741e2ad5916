import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { exactly, fromField } from './env.js'
import { cancelTimes, terminationGracePeriodSeconds } from './grace.js'
import type { JobInputs } from './inputs.js'
import { podContainers } from './names.js'
import { imagePullPolicy, type PodSettings } from './settings.js'
import { socketsPath, volumeMounts, workspace } from './volumes.js'

/** The container of the pod agent: it acquires the job from the gateway and leads the other containers. */
export function agentContainer(inputs: JobInputs, settings: PodSettings): V1Container {
  return {
    name: 'agent',
    image: settings.agentImage,
    ...imagePullPolicy(settings),
    // No command: the image's own entrypoint runs.
    args: ['start'],
    workingDir: workspace,
    env: agentEnv(inputs, settings),
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: volumeMounts([], inputs.plugin.extraVolumeMounts),
  }
}

/**
 * The pod agent's environment. It hands all of it but its own settings to the job, so that nothing secret may stand
 * here beside the token, which it takes out (Agent API, bootstrap environment).
 */
function agentEnv(inputs: JobInputs, settings: PodSettings): V1EnvVar[] {
  return [
    exactly('BUILDKITE_KUBERNETES_EXEC', 'true'),
    exactly('BUILDKITE_CONTAINER_COUNT', String(containerCount(inputs))),
    exactly('BUILDKITE_AGENT_ACQUIRE_JOB', inputs.id),
    exactly('BUILDKITE_AGENT_ENDPOINT', settings.gatewayEndpoint),
    exactly('BUILDKITE_AGENT_TOKEN', settings.token),
    exactly('BUILDKITE_AGENT_PING_MODE', 'poll-only'),
    ...agentTags(inputs),
    fromField('BUILDKITE_K8S_NODE', 'spec.nodeName'),
    fromField('BUILDKITE_K8S_NAMESPACE', 'metadata.namespace'),
    fromField('BUILDKITE_K8S_SERVICE_ACCOUNT', 'spec.serviceAccountName'),
    exactly('BUILDKITE_BUILD_PATH', `${workspace}/build`),
    exactly('BUILDKITE_HOOKS_PATH', `${workspace}/hooks`),
    exactly('BUILDKITE_PLUGINS_PATH', `${workspace}/plugins`),
    exactly('BUILDKITE_SOCKETS_PATH', socketsPath('agent')),
    exactly('BUILDKITE_SHELL', '/bin/sh -ec'),
    exactly('BUILDKITE_REDACTED_VARS', redactedVars.join(',')),
    ...cancelEnv(inputs),
    exactly('BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR', 'warn'),
  ]
}

/** How many containers the pod agent waits for: those that run `kubernetes-bootstrap`. */
function containerCount({ plugin }: JobInputs): number {
  return podContainers(plugin).length + (plugin.checkout?.skip === true ? 0 : 1)
}

/** The agent splits its tags at commas, so that a tag with one in it cannot be told to it. */
function agentTags({ tags }: JobInputs): V1EnvVar[] {
  const pairs = Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .filter(pair => !pair.includes(','))
  return pairs.length === 0 ? [] : [exactly('BUILDKITE_AGENT_TAGS', pairs.toSorted().join(','))]
}

const redactedVars = [
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

/** The times of a cancellation, in the variables of agents of version 3 and of version 4. */
function cancelEnv({ plugin }: JobInputs): V1EnvVar[] {
  const { whole, signal, cleanup } = cancelTimes(terminationGracePeriodSeconds(plugin))
  return [
    exactly('BUILDKITE_CANCEL_GRACE_PERIOD', String(whole)),
    exactly('BUILDKITE_SIGNAL_GRACE_PERIOD_SECONDS', String(signal)),
    exactly('BUILDKITE_CANCEL_SIGNAL_TIMEOUT', `${signal}s`),
    exactly('BUILDKITE_CANCEL_CLEANUP_TIMEOUT', `${cleanup}s`),
  ]
}
