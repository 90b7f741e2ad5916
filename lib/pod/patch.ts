import type { V1Container, V1PodSpec } from '@kubernetes/client-node'
import { Problem, type Evidence } from '../errors.js'
import type { DraftPod } from './containers/patched-pod.js'
import type { JobInputs } from './given/inputs.js'
import { ourContainers } from './given/names.js'
import { PatchError } from './merge/patch-error.js'
import { strategicMerge } from './merge/strategic.js'
import { pluginPlace, pluginProblem, podSpecPatchPlace } from './given/plugin.js'
import { refuseAgentChange, refuseWindows } from './policy.js'
import { resourceClass, withResourceClass } from './resource-class.js'
import type { PodSettings, PodSpecPatch } from './given/settings.js'

/**
 * The draft with all that is laid over it, weakest first: the resource class, the operator's patch, the step's
 * `image:`, the step's patch. Where two of them say something of one field, the later has the say.
 */
export function patchedPod(draft: DraftPod, inputs: JobInputs, settings: PodSettings): DraftPod {
  // A class may choose other nodes, and the step would then run where it can't.
  refuseWindows(draft.spec)
  const classed = withResourceClass(draft.spec, draft.commands, resourceClass(inputs, settings))
  const operators = withoutStrangers(
    draft,
    classed,
    merged(classed, settings.podSpecPatch, operatorsBlame),
  )
  const imaged = withImage(operators, draft.commands, inputs.image)
  const steps = merged(imaged, inputs.plugin.podSpecPatch, stepsBlame)
  refuseStrangers(draft, imaged, steps)
  refuseAgentChange(imaged, steps, settings)
  return { ...draft, spec: steps }
}

/** As with agent-stack-k8s, the step's `image:` is for all command containers, whatever they say themselves. */
function withImage(
  spec: V1PodSpec,
  commands: readonly string[],
  image: string | undefined,
): V1PodSpec {
  if (image === undefined) return spec
  const containers = spec.containers.map(one =>
    commands.includes(one.name) ? { ...one, image } : one,
  )
  return { ...spec, containers }
}

function merged(
  spec: V1PodSpec,
  patch: PodSpecPatch | undefined,
  blame: (evidence: Evidence, path: string) => Problem,
): V1PodSpec {
  if (patch === undefined) return spec
  try {
    const result: Partial<V1PodSpec> = strategicMerge(spec, patch)
    // The list may be gone; what must be in it is put back when the pod is finished.
    return { ...result, containers: result.containers ?? [] }
  } catch (error) {
    if (!(error instanceof PatchError)) throw error
    const { path, wanted, found } = error
    const place = path.join('.')
    if (error.in === 'patch') throw blame({ wanted, found }, place)
    throw pluginProblem({ where: `the pod that is patched, ${place}`, wanted, found })
  }
}

/**
 * The pod without the containers that are there by a patch's word for them alone, and have no image: the operator's
 * patch is for all pods, and speaks of `container-0` or a sidecar to those that have none of that name.
 */
function withoutStrangers({ commands }: DraftPod, before: V1PodSpec, after: V1PodSpec): V1PodSpec {
  const strange = strangers(commands, before, after)
  if (strange.length === 0) return after
  const known = ({ name }: V1Container) => !strange.includes(name)
  return {
    ...after,
    ...(after.initContainers && { initContainers: after.initContainers.filter(known) }),
    containers: after.containers.filter(known),
  }
}

/** Nothing, when each container that the step's patch adds has an image: else it names one that is not in the pod. */
function refuseStrangers({ commands }: DraftPod, before: V1PodSpec, after: V1PodSpec): void {
  const [name] = strangers(commands, before, after)
  if (name === undefined) return
  throw pluginProblem({
    where: `${podSpecPatchPlace}, the container ${name}`,
    wanted: `an image, or the name of a container that there is: ${namesOf(before).join(', ')}`,
    found: 'another name, and no image',
    hint: 'a patch finds a container by its name',
  })
}

function strangers(commands: readonly string[], before: V1PodSpec, after: V1PodSpec): string[] {
  // Ours, and those that run the commands, get an image when there is none.
  const known = new Set([...ourContainers, ...commands, ...namesOf(before)])
  return [...(after.initContainers ?? []), ...after.containers]
    .filter(({ name, image }) => image === undefined && !known.has(name))
    .map(({ name }) => name)
}

function namesOf({ initContainers = [], containers }: V1PodSpec): string[] {
  return [...initContainers, ...containers].map(({ name }) => name)
}

function operatorsBlame(evidence: Evidence, path: string): Problem {
  return new Problem('POD_SETTINGS', "the operator's patch does not fit the pod", {
    where: `pod-spec-patch in the job spawner's settings, ${path}`,
    ...evidence,
  })
}

function stepsBlame(evidence: Evidence, path: string): Problem {
  return pluginProblem({ where: `${pluginPlace}, podSpecPatch.${path}`, ...evidence })
}
