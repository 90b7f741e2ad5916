import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { exactly } from './env.js'
import type { JobInputs } from './inputs.js'
import { imagePullPolicy, type PodSettings } from './settings.js'
import { socketsPath, tiniBinary, volumeMounts, workspace } from './volumes.js'

/** The container that checks the repository out, or none when the step skips that. */
export function checkoutContainers(inputs: JobInputs, settings: PodSettings): V1Container[] {
  return inputs.plugin.checkout?.skip === true ? [] : [checkoutContainer(inputs, settings)]
}

/** The id that the pod agent knows the first command container by: the checkout, when there is one, is 0. */
export function firstCommandId({ plugin }: JobInputs): number {
  return plugin.checkout?.skip === true ? 0 : 1
}

function checkoutContainer({ plugin }: JobInputs, settings: PodSettings): V1Container {
  return {
    name: 'checkout',
    image: settings.agentImage,
    ...imagePullPolicy(settings),
    command: [tiniBinary],
    // Through the image's own entrypoint, which makes SSH keys of the variables that hold them.
    args: ['--', 'buildkite-agent-entrypoint', 'kubernetes-bootstrap'],
    workingDir: workspace,
    env: checkoutEnv(),
    ...(plugin.gitEnvFrom === undefined ? {} : { envFrom: plugin.gitEnvFrom }),
    volumeMounts: volumeMounts([], plugin.extraVolumeMounts),
  }
}

function checkoutEnv(): V1EnvVar[] {
  return [
    exactly('BUILDKITE_BOOTSTRAP_PHASES', 'plugin,checkout'),
    exactly('BUILDKITE_CONTAINER_ID', '0'),
    exactly('BUILDKITE_SOCKETS_PATH', socketsPath('checkout')),
  ]
}
