import type { V1Container, V1EnvVar, V1VolumeMount } from '@kubernetes/client-node'
import { agentConfigMounts } from './agent-config.js'
import { checkoutMounts, checkoutParams, gitEnv } from './checkout-params.js'
import { exactly, ownThenOurs, unlessOwn } from './env.js'
import type { PatchedPod } from './patched-pod.js'
import type { JobInputs } from '../given/inputs.js'
import { sameCommand } from './same-command.js'
import { imagePullPolicy } from './pull-policy.js'
import type { PodSettings } from '../given/settings.js'
import { passwdMount, userHome, userOf } from './user.js'
import { heldMounts, socketsPath, tiniBinary, volumeMounts, workspace } from './volumes.js'
import { sources } from './sidecars.js'

/** The container that checks the repository out, as patches see it, or none when the step skips that. */
export function checkoutDrafts(inputs: JobInputs, settings: PodSettings): V1Container[] {
  const params = checkoutParams(inputs, settings)
  if (params.skip === true) return []
  const env = gitEnv(params)
  return [
    {
      name: 'checkout',
      image: settings.agentImage,
      ...imagePullPolicy(settings),
      command: [tiniBinary],
      // Through the image's own entrypoint, which makes SSH keys of the variables that hold them.
      args: ['--', 'buildkite-agent-entrypoint', 'kubernetes-bootstrap'],
      workingDir: workspace,
      ...(env.length === 0 ? {} : { env }),
      ...sources(params.envFrom, inputs.plugin.gitEnvFrom),
      volumeMounts: volumeMounts(settings, {
        before: [
          ...agentConfigMounts(settings.agentConfig, 'checkout'),
          ...checkoutMounts(params),
          ...(params.extraVolumeMounts ?? []),
        ],
        after: inputs.plugin.extraVolumeMounts,
      }),
    },
  ]
}

/** The container as the patches left it, with its place among those that the pod agent leads. */
export function finishedCheckouts(
  pod: PatchedPod,
  inputs: JobInputs,
  settings: PodSettings,
): V1Container[] {
  return checkoutDrafts(inputs, settings).map(draft => {
    const found = pod.spec.containers.find(({ name }) => name === 'checkout') ?? draft
    const patched = sameCommand(draft, found, settings)
    const user = userOf(pod.spec, patched)
    const env = ownThenOurs(patched.env, fixedEnv)
    return {
      ...patched,
      image: patched.image ?? settings.agentImage,
      env: user === undefined ? env : unlessOwn(env, [exactly('HOME', userHome)]),
      volumeMounts: withUsers(
        heldMounts(patched.volumeMounts, settings, 'checkout'),
        user === undefined ? [] : [passwdMount(settings)],
      ),
    }
  })
}

// ssh and git refuse to work for a user that the system does not know. An author may have a list of users of their own.
function withUsers(mounts: V1VolumeMount[], users: V1VolumeMount[]): V1VolumeMount[] {
  const taken = new Set(mounts.map(({ mountPath }) => mountPath))
  return [...mounts, ...users.filter(({ mountPath }) => !taken.has(mountPath))]
}

const fixedEnv: V1EnvVar[] = [
  exactly('BUILDKITE_BOOTSTRAP_PHASES', 'plugin,checkout'),
  exactly('BUILDKITE_CONTAINER_ID', '0'),
  exactly('BUILDKITE_SOCKETS_PATH', socketsPath('checkout')),
]
