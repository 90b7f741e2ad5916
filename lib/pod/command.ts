import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { firstCommandId } from './checkout.js'
import { exactly, ownThenOurs } from './env.js'
import type { JobInputs } from './inputs.js'
import { commandName, podContainers } from './names.js'
import { oursOver } from './ours.js'
import type { PluginContainer } from './plugin.js'
import { commandText } from './quote.js'
import { imagePullPolicy, type PodSettings } from './settings.js'
import { envFrom } from './sidecars.js'
import { agentBinary, socketsPath, tiniBinary, volumeMounts, workspace } from './volumes.js'

/** The containers that run the job's commands, one after the other in this order. */
export function commandContainers(inputs: JobInputs, settings: PodSettings): V1Container[] {
  const first = firstCommandId(inputs)
  return podContainers(inputs.plugin).map((container, index) =>
    commandContainer({
      container,
      name: commandName(container, index),
      id: first + index,
      inputs,
      settings,
    }),
  )
}

interface CommandParts {
  container: PluginContainer
  name: string
  /** The place in the order, as the pod agent counts. */
  id: number
  inputs: JobInputs
  settings: PodSettings
}

/** The container as its author wrote it, with the agent's bootstrap in the place of its entrypoint. */
function commandContainer({ container, name, id, inputs, settings }: CommandParts): V1Container {
  return oursOver(container, {
    name,
    // As with agent-stack-k8s, the step's `image:` is for all command containers, whatever they say themselves.
    image: inputs.image ?? container.image ?? settings.agentImage,
    ...imagePullPolicy(settings, container.imagePullPolicy),
    command: [tiniBinary],
    args: ['--', agentBinary, 'kubernetes-bootstrap'],
    workingDir: workspace,
    env: ownThenOurs(container.env, [
      exactly('BUILDKITE_BOOTSTRAP_PHASES', 'plugin,command'),
      commandVariable(container, inputs),
      exactly('BUILDKITE_CONTAINER_ID', String(id)),
      exactly('BUILDKITE_SOCKETS_PATH', socketsPath(name)),
    ]),
    ...envFrom(container, inputs.plugin),
    volumeMounts: volumeMounts(container.volumeMounts, inputs.plugin.extraVolumeMounts),
  })
}

/**
 * What the container runs. The bootstrap does not take it from the job's environment, so that it always stands here.
 * A podSpec's command is written in Kubernetes' language, in which `$(NAME)` refers to a variable of the container:
 * it is left to the kubelet to read. The job's command is not.
 */
function commandVariable(container: PluginContainer, inputs: JobInputs): V1EnvVar {
  const { command = [], args = [] } = container
  if (command.length === 0) return exactly('BUILDKITE_COMMAND', inputs.command)
  return { name: 'BUILDKITE_COMMAND', value: commandText(command, args) }
}
