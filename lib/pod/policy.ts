import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { Problem } from '../errors.js'
import { verifies } from './containers/agent-config.js'
import type { JobInputs } from './given/inputs.js'
import { pluginProblem, podSpecPatchPlace } from './given/plugin.js'
import type { PodSettings } from './given/settings.js'

// What a step may not do, whoever wrote it. docs/pod.md has the whole table of who may say what.

/**
 * Nothing, when the step may have the plugin that it has.
 * @throws Problem JOB_PLUGIN when it has one and the operator allows none.
 */
export function refusePlugin(inputs: JobInputs, settings: PodSettings): void {
  if (!inputs.hasPlugin || settings.prohibitKubernetesPlugin !== true) return
  throw pluginProblem({
    where: "the step's plugins",
    wanted: 'no kubernetes plugin: the operator allows none (prohibit-kubernetes-plugin)',
    found: 'one',
    hint: "remove it; the step's image: and its agents: work without it",
  })
}

/**
 * Nothing, when the step's patch leaves the agent container alone, or nothing depends on that: the container checks
 * the job's signature, so that a step which may change it can't be held to one.
 * @throws Problem JOB_PLUGIN
 */
export function refuseAgentChange(
  before: V1PodSpec,
  after: V1PodSpec,
  settings: PodSettings,
): void {
  if (!verifies(settings.agentConfig)) return
  if (JSON.stringify(agentOf(before)) === JSON.stringify(agentOf(after))) return
  throw pluginProblem({
    where: `${podSpecPatchPlace}, the container agent`,
    wanted: "nothing: it checks the signatures of jobs here, and is the operator's alone",
    found: 'a change of it',
    hint: 'remove it from the patch',
  })
}

function agentOf({ containers }: V1PodSpec): V1Container | undefined {
  return containers.find(({ name }) => name === 'agent')
}

/**
 * Nothing, unless the pod is for Windows.
 * @throws Problem JOB_INVALID: our containers are for Linux.
 */
export function refuseWindows({ os, nodeSelector }: V1PodSpec): void {
  const label = nodeSelector?.['kubernetes.io/os']
  if (os?.name !== 'windows' && label !== 'windows') return
  throw new Problem('JOB_INVALID', 'the pod is for Windows', {
    where:
      os?.name === 'windows' ? "the pod's os.name" : "the pod's nodeSelector, kubernetes.io/os",
    wanted: 'linux',
    found: 'windows',
    hint: 'the agent image, its scripts and its sockets are for Linux; run an ordinary buildkite-agent on Windows',
  })
}
