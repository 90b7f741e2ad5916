import type { V1Container, V1EnvVar } from '@kubernetes/client-node'
import { agentConfigMounts } from './agent-config.js'
import { exactly, ownThenOurs } from './env.js'
import { holdingWords } from './hold.js'
import type { PatchedPod } from './patched-pod.js'
import { holdOf } from '../given/hold.js'
import type { JobInputs } from '../given/inputs.js'
import { commandEnv } from './interposer.js'
import { checkLength } from '../given/limits.js'
import { commandName, podContainers } from '../given/names.js'
import { oursOver } from './ours.js'
import {
  pluginPlace,
  pluginProblem,
  podSpecPatchPlace,
  type AuthoredPodSpec,
} from '../given/plugin.js'
import { imagePullPolicy } from './pull-policy.js'
import type { PodSettings } from '../given/settings.js'
import {
  agentBinary,
  heldMounts,
  socketsPath,
  tiniBinary,
  volumeMounts,
  workspace,
} from './volumes.js'
import { sources } from './sidecars.js'

/** The command containers as patches see them: as their author wrote them, with what the step and the operator add. */
export function commandDrafts(
  own: AuthoredPodSpec,
  inputs: JobInputs,
  settings: PodSettings,
): V1Container[] {
  const { gitEnvFrom, extraVolumeMounts, commandParams } = inputs.plugin
  const defaults = settings.defaultCommandParams
  return podContainers(own).map((container, index) =>
    oursOver(container, {
      name: commandName(container, index),
      image: container.image ?? settings.agentImage,
      ...imagePullPolicy(settings, container.imagePullPolicy),
      ...sources(container.envFrom, defaults?.envFrom, commandParams?.envFrom, gitEnvFrom),
      volumeMounts: volumeMounts(settings, {
        before: [
          ...(container.volumeMounts ?? []),
          ...agentConfigMounts(settings.agentConfig, 'command'),
          ...(defaults?.extraVolumeMounts ?? []),
          ...(commandParams?.extraVolumeMounts ?? []),
        ],
        after: extraVolumeMounts,
      }),
    }),
  )
}

/**
 * The containers that run the job's commands, one after the other in this order: as the patches left them, with the
 * agent's bootstrap in the place of their entrypoint.
 * @throws Problem JOB_PLUGIN when a patch has left none.
 */
export function finishedCommands(
  pod: PatchedPod,
  inputs: JobInputs,
  settings: PodSettings,
): V1Container[] {
  const finished = pod.led.flatMap((name, id) => {
    const patched = pod.spec.containers.find(one => one.name === name)
    if (name === 'checkout' || patched === undefined) return []
    return [finishedCommand(patched, { id, inputs, settings })]
  })
  if (finished.length > 0) return finished
  throw pluginProblem({
    where: podSpecPatchPlace,
    wanted: `at least one command container: ${pod.commands.join(', ')}`,
    found: 'a patch that removes them all',
    hint: 'patch them by their names; containers of other names run beside them',
  })
}

interface CommandParts {
  /** The place in the order, as the pod agent counts. */
  id: number
  inputs: JobInputs
  settings: PodSettings
}

function finishedCommand(patched: V1Container, { id, inputs, settings }: CommandParts) {
  checkArgs(patched)
  return oursOver(patched, {
    name: patched.name,
    image: patched.image ?? settings.agentImage,
    command: [tiniBinary],
    args: bootstrapArgs(inputs, settings),
    workingDir: workspace,
    env: ownThenOurs(patched.env, [
      exactly('BUILDKITE_BOOTSTRAP_PHASES', 'plugin,command'),
      ...checkLength(patched.name, commandVariables(patched, inputs, settings)),
      exactly('BUILDKITE_CONTAINER_ID', String(id)),
      exactly('BUILDKITE_SOCKETS_PATH', socketsPath(patched.name)),
    ]),
    volumeMounts: heldMounts(patched.volumeMounts, settings, 'command'),
  })
}

function bootstrapArgs({ plugin }: JobInputs, settings: PodSettings): string[] {
  const words = [agentBinary, 'kubernetes-bootstrap']
  const { seconds } = holdOf(plugin, settings)
  return seconds === 0 ? ['--', ...words] : holdingWords(words, seconds)
}

/**
 * What the container runs. The bootstrap does not take it from the job's environment, so that it always stands here.
 * A container's own command is written in Kubernetes' language, in which `$(NAME)` refers to a variable of the
 * container: it is left to the kubelet to read. The job's command is not.
 */
function commandVariables(
  { name, command = [], args = [], env = [] }: V1Container,
  inputs: JobInputs,
  settings: PodSettings,
): V1EnvVar[] {
  if (command.length === 0) {
    // A patch may give the command as the variable that it becomes, as with agent-stack-k8s.
    const own = env.findLast(one => one.name === 'BUILDKITE_COMMAND')
    return [own ?? exactly('BUILDKITE_COMMAND', inputs.command)]
  }
  const interposer =
    inputs.plugin.commandParams?.interposer ??
    settings.defaultCommandParams?.interposer ??
    'buildkite'
  if (interposer === 'exec') checkLastWord(name, [...command, ...args])
  return commandEnv(interposer, command, args)
}

// To the bootstrap a blank command is none.
function checkLastWord(name: string, words: readonly string[]): void {
  if (words.at(-1)?.trim() !== '') return
  throw pluginProblem({
    where: `${pluginPlace}, the container ${name}, its last word (of args, else of command)`,
    wanted: 'a word that is not blank: the interposer exec needs one',
    found: 'a blank one',
    hint: 'put a word after it, or use the interposer vector, which needs a shell in the image',
  })
}

function checkArgs({ name, command = [], args = [] }: V1Container): void {
  if (command.length > 0 || args.length === 0) return
  throw pluginProblem({
    where: `${pluginPlace}, the container ${name}, args`,
    wanted: "args together with a command, or neither: the step's command then runs",
    found: 'args without a command',
    hint: 'write the whole command line into command',
  })
}
