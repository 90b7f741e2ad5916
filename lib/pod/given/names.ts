import type { V1PodSpec } from '@kubernetes/client-node'
import {
  pluginPlace,
  pluginProblem,
  type AuthoredPodSpec,
  type KubernetesPlugin,
  type PluginContainer,
} from './plugin.js'

/** The containers of ours that no container of a plugin may be named like. */
export const ourContainers = ['agent', 'checkout', 'copy-agent'] as const

/** The command containers as their author gives them, or one empty one when there are none. */
export function podContainers({ containers = [] }: AuthoredPodSpec): PluginContainer[] {
  return containers.length === 0 ? [{}] : containers
}

/** A command container's name: its own, else `container-N`. */
export function commandName(container: PluginContainer, index: number): string {
  return container.name ?? `container-${index}`
}

/** A sidecar's name: its own, else `sidecar-N`. */
export function sidecarName(container: PluginContainer, index: number): string {
  return container.name ?? `sidecar-${index}`
}

/** The names of a plugin's sidecars. */
export function sidecarNames({ sidecars = [] }: KubernetesPlugin): string[] {
  return sidecars.map(sidecarName)
}

/**
 * Nothing, when the names of all containers that a plugin gives differ, from ours too (Kubernetes wants them unique).
 * @throws Problem JOB_PLUGIN at the first that does not.
 */
export function checkNames(plugin: KubernetesPlugin): void {
  const taken = new Map<string, string>(ourContainers.map(name => [name, 'the job spawner']))
  for (const { name, where } of namesWithPlaces(plugin)) {
    const owner = taken.get(name)
    if (owner !== undefined) throw takenProblem(`${pluginPlace}, ${where}`, name, owner)
    taken.set(name, where)
  }
}

/**
 * Nothing, when the names of all containers of the pod differ: a template or a patch may have brought one twice.
 * @throws Problem JOB_PLUGIN
 */
export function checkUnique({ initContainers = [], containers }: V1PodSpec): void {
  const seen = new Set<string>()
  for (const { name } of [...initContainers, ...containers]) {
    if (seen.has(name)) throw takenProblem('the containers of the pod', name, 'another container')
    seen.add(name)
  }
}

function takenProblem(where: string, name: string, owner: string) {
  return pluginProblem({
    where,
    wanted: 'a name that no other container of the pod has',
    found: `the name ${JSON.stringify(name)}, which is taken by ${owner}`,
    hint: 'rename the container',
  })
}

function namesWithPlaces(plugin: KubernetesPlugin): { name: string; where: string }[] {
  const { initContainers = [] } = plugin.podSpec ?? {}
  return [
    // One without a name is the API server's to refuse.
    ...initContainers.flatMap(({ name }: { name?: string }, index) =>
      name === undefined ? [] : [{ name, where: `podSpec.initContainers.${index}` }],
    ),
    ...(plugin.sidecars ?? []).map((container, index) => ({
      name: sidecarName(container, index),
      where: `sidecars.${index}`,
    })),
    ...podContainers(plugin.podSpec ?? {}).map((container, index) => ({
      name: commandName(container, index),
      where: `podSpec.containers.${index}`,
    })),
  ]
}
