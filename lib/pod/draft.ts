import { agentDraft } from './containers/agent.js'
import { checkoutDrafts } from './containers/checkout.js'
import { commandDrafts } from './containers/command.js'
import { copyAgentDraft } from './containers/copy-agent.js'
import { ownInitDrafts, sidecarDrafts } from './containers/sidecars.js'
import type { JobInputs } from './given/inputs.js'
import { checkUnique } from './given/names.js'
import { oursOver } from './containers/ours.js'
import type { DraftPod } from './containers/patched-pod.js'
import type { AuthoredPodSpec } from './given/plugin.js'
import type { PodSettings } from './given/settings.js'
import { heldVolumes } from './containers/volumes.js'

/** What the pod starts from: the step's podSpec, else that of the PodTemplate it names, else nothing. */
export function authoredPodSpec({ plugin }: JobInputs, settings: PodSettings): AuthoredPodSpec {
  return plugin.podSpec ?? settings.podTemplate ?? {}
}

/**
 * The pod as its authors see it: our containers among theirs, and in these what they want to run.
 * @throws Problem JOB_PLUGIN when two have one name.
 */
export function draftPod(inputs: JobInputs, settings: PodSettings): DraftPod {
  const own = authoredPodSpec(inputs, settings)
  const commands = commandDrafts(own, inputs, settings)
  const sidecars = sidecarDrafts(inputs, settings)
  const spec = oursOver(own, {
    terminationGracePeriodSeconds:
      own.terminationGracePeriodSeconds ?? settings.terminationGracePeriodSeconds,
    volumes: heldVolumes(own.volumes, inputs, settings),
    initContainers: [copyAgentDraft(settings), ...ownInitDrafts(own, settings), ...sidecars],
    containers: [agentDraft(inputs, settings), ...checkoutDrafts(inputs, settings), ...commands],
  })
  checkUnique(spec)
  return {
    commands: commands.map(({ name }) => name),
    sidecars: sidecars.map(({ name }) => name),
    spec,
  }
}
