import {
  pluginPlace,
  pluginProblem,
  type KubernetesPlugin,
  type PluginContainer,
} from './plugin.js'

/** The containers of ours that no container of a plugin may be named like. */
export const ourContainers = ['agent', 'checkout', 'copy-agent'] as const

/** The command containers as the plugin gives them, or one empty one when it gives none. */
export function podContainers(plugin: KubernetesPlugin): PluginContainer[] {
  const own = plugin.podSpec?.containers ?? []
  return own.length === 0 ? [{}] : own
}

/** A command container's name: its own, else `container-N`. */
export function commandName(container: PluginContainer, index: number): string {
  return container.name ?? `container-${index}`
}

/** A sidecar's name: its own, else `sidecar-N`. */
export function sidecarName(container: PluginContainer, index: number): string {
  return container.name ?? `sidecar-${index}`
}

/**
 * Nothing, when the names of all containers of a pod differ, ours among them (Kubernetes wants them unique).
 * @throws Problem JOB_PLUGIN at the first that does not.
 */
export function checkNames(plugin: KubernetesPlugin): void {
  const taken = new Map<string, string>(ourContainers.map(name => [name, 'the job spawner']))
  for (const { name, where } of namesWithPlaces(plugin)) {
    const owner = taken.get(name)
    if (owner !== undefined) {
      throw pluginProblem({
        where: `${pluginPlace}, ${where}`,
        wanted: 'a name that no other container of the pod has',
        found: `the name ${JSON.stringify(name)}, which is taken by ${owner}`,
        hint: 'rename the container',
      })
    }
    taken.set(name, where)
  }
}

function namesWithPlaces(plugin: KubernetesPlugin): { name: string; where: string }[] {
  const initContainers = plugin.podSpec?.initContainers ?? []
  return [
    ...initContainers.map(({ name }, index) => ({
      name,
      where: `podSpec.initContainers.${index}`,
    })),
    ...(plugin.sidecars ?? []).map((container, index) => ({
      name: sidecarName(container, index),
      where: `sidecars.${index}`,
    })),
    ...podContainers(plugin).map((container, index) => ({
      name: commandName(container, index),
      where: `podSpec.containers.${index}`,
    })),
  ]
}
