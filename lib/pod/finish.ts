import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { checkoutParams } from './containers/checkout-params.js'
import { finishedAgent } from './containers/agent.js'
import { finishedCheckouts } from './containers/checkout.js'
import { finishedCommands } from './containers/command.js'
import { finishedCopyAgent } from './containers/copy-agent.js'
import { imageChecks } from './containers/image-check.js'
import type { DraftPod, PatchedPod } from './containers/patched-pod.js'
import { checkImages } from './given/image-reference.js'
import { graceSeconds } from './containers/grace.js'
import type { JobInputs } from './given/inputs.js'
import { checkUnique, ourContainers } from './given/names.js'
import { oursOver } from './containers/ours.js'
import { refuseTokenUse, refuseWindows } from './policy.js'
import type { PodSettings } from './given/settings.js'
import { tokenVolume } from './containers/token.js'
import { heldVolumes } from './containers/volumes.js'

/**
 * The pod as it is sent: whatever the patches did, it has what makes a job run in it and keeps the operator's own
 * settings. Containers that a patch added stay as they are, beside the others.
 * @throws Problem JOB_PLUGIN, JOB_INVALID when it can't be.
 */
export function finishedPod(draft: DraftPod, inputs: JobInputs, settings: PodSettings): V1PodSpec {
  refuseWindows(draft.spec)
  refuseTokenUse(draft.spec)
  const pod = { ...draft, led: ledContainers(draft, inputs, settings) }
  const checked = imageChecks(containers(pod, inputs, settings), draft.spec, settings)
  const finished = oursOver(draft.spec, {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: graceSeconds(draft.spec, settings),
    volumes: [...heldVolumes(draft.spec.volumes, inputs, settings), tokenVolume()],
    initContainers: initContainers(pod, checked.checks, settings),
    containers: checked.containers,
  })
  checkUnique(finished)
  checkImages(finished)
  return finished
}

function ledContainers(
  { spec, commands }: DraftPod,
  inputs: JobInputs,
  settings: PodSettings,
): string[] {
  const left = new Set(spec.containers.map(({ name }) => name))
  const checkout = checkoutParams(inputs, settings).skip === true ? [] : ['checkout']
  return [...checkout, ...commands.filter(name => left.has(name))]
}

/**
 * In the order in which they are needed: the kubelet starts them so, and each that starts before the pod agent
 * listens loses a second (see the design, "Tried").
 */
function containers(pod: PatchedPod, inputs: JobInputs, settings: PodSettings): V1Container[] {
  const known = new Set<string>([...ourContainers, ...pod.commands])
  return [
    finishedAgent(pod, inputs, settings),
    ...finishedCheckouts(pod, inputs, settings),
    ...finishedCommands(pod, inputs, settings),
    ...pod.spec.containers.filter(({ name }) => !known.has(name)),
  ]
}

/** In the order in which they run: the workspace first, then the images, and the sidecars when all else is ready. */
function initContainers(
  pod: PatchedPod,
  checks: readonly V1Container[],
  settings: PodSettings,
): V1Container[] {
  const { spec, sidecars } = pod
  const others = (spec.initContainers ?? []).filter(({ name }) => name !== 'copy-agent')
  return [
    finishedCopyAgent(pod, settings),
    ...checks,
    ...others.filter(({ name }) => !sidecars.includes(name)),
    ...others
      .filter(({ name }) => sidecars.includes(name))
      .map(sidecar => oursOver(sidecar, { name: sidecar.name, restartPolicy: 'Always' })),
  ]
}
