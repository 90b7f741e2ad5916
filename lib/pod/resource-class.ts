import type { V1Container, V1PodSpec, V1ResourceRequirements } from '@kubernetes/client-node'
import { Problem } from '../errors.js'
import type { ResourceClass } from '../types/resource-class.js'
import type { JobInputs } from './given/inputs.js'
import { pluginPlace, pluginProblem } from './given/plugin.js'
import type { PodSettings } from './given/settings.js'

/**
 * The class whose resources the job gets: the one that its plugin names, else that of the agent's tag
 * `resource_class`, else the operator's default; none when none of them says anything.
 * @throws Problem JOB_PLUGIN or POD_SETTINGS when there is no class of that name.
 */
export function resourceClass(inputs: JobInputs, settings: PodSettings): ResourceClass | undefined {
  const { name, blame } = chosen(inputs, settings)
  if (name === undefined) return undefined
  const classes = settings.resourceClasses ?? {}
  if (Object.hasOwn(classes, name)) return classes[name]
  const known = Object.keys(classes).toSorted()
  throw blame(
    known.length === 0 ? 'no class at all: the operator has none' : `one of: ${known.join(', ')}`,
  )
}

/** The name of the class that the job gets, when it gets one. */
export function resourceClassName(inputs: JobInputs, settings: PodSettings): string | undefined {
  return chosen(inputs, settings).name
}

function chosen(
  { plugin, tags }: JobInputs,
  settings: PodSettings,
): { name: string | undefined; blame: (wanted: string) => Problem } {
  if (plugin.resourceClass !== undefined) {
    const name = plugin.resourceClass
    const where = `${pluginPlace}, resourceClass`
    return { name, blame: wanted => pluginProblem({ where, wanted, found: JSON.stringify(name) }) }
  }
  const name = tags['resource_class'] ?? settings.defaultResourceClassName
  const where =
    tags['resource_class'] === undefined
      ? "default-resource-class-name in the job spawner's settings"
      : "the agent's tag resource_class"
  return {
    name,
    blame: wanted =>
      new Problem('POD_SETTINGS', 'there is no resource class of that name', {
        where,
        wanted,
        found: JSON.stringify(name),
      }),
  }
}

/**
 * The pod with the class laid over it: key by key over the resources of its command containers and of the pod, and
 * over the labels of its nodes.
 */
export function withResourceClass(
  spec: V1PodSpec,
  commands: readonly string[],
  given: ResourceClass | undefined,
): V1PodSpec {
  if (given === undefined) return spec
  const { resource, podResource, nodeSelector } = given
  const over = (container: V1Container): V1Container =>
    resource === undefined || !commands.includes(container.name)
      ? container
      : { ...container, resources: resourcesOver(container.resources, resource) }
  return {
    ...spec,
    ...(podResource === undefined ? {} : { resources: resourcesOver(spec.resources, podResource) }),
    ...(nodeSelector === undefined
      ? {}
      : { nodeSelector: { ...spec.nodeSelector, ...nodeSelector } }),
    containers: spec.containers.map(over),
  }
}

function resourcesOver(
  own: V1ResourceRequirements = {},
  given: V1ResourceRequirements,
): V1ResourceRequirements {
  const { requests, limits } = given
  return {
    ...own,
    ...given,
    ...(requests === undefined ? {} : { requests: { ...own.requests, ...requests } }),
    ...(limits === undefined ? {} : { limits: { ...own.limits, ...limits } }),
  }
}
