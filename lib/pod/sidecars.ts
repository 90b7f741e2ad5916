import type { V1Container } from '@kubernetes/client-node'
import type { JobInputs } from './inputs.js'
import { sidecarName } from './names.js'
import { oursOver } from './ours.js'
import type { KubernetesPlugin, PluginContainer } from './plugin.js'
import { imagePullPolicy, type PodSettings } from './settings.js'
import { volumeMounts } from './volumes.js'

/** The sidecars: init containers that restart, so that they are up before the commands and end after them. */
export function sidecars({ plugin }: JobInputs, settings: PodSettings): V1Container[] {
  return (plugin.sidecars ?? []).map((container, index) =>
    oursOver(container, {
      name: sidecarName(container, index),
      ...imagePullPolicy(settings, container.imagePullPolicy),
      restartPolicy: 'Always',
      ...envFrom(container, plugin),
      volumeMounts: volumeMounts(container.volumeMounts, plugin.extraVolumeMounts),
    }),
  )
}

/** The init containers of the podSpec, which see the workspace as all containers do. */
export function ownInitContainers({ plugin }: JobInputs, settings: PodSettings): V1Container[] {
  return (plugin.podSpec?.initContainers ?? []).map(container =>
    oursOver(container, {
      name: container.name,
      ...imagePullPolicy(settings, container.imagePullPolicy),
      volumeMounts: volumeMounts(container.volumeMounts),
    }),
  )
}

/** A container's `envFrom`: its own sources, then those for git, as a part of its literal. */
export function envFrom(
  container: PluginContainer,
  plugin: KubernetesPlugin,
): Pick<V1Container, 'envFrom'> {
  const sources = [...(container.envFrom ?? []), ...(plugin.gitEnvFrom ?? [])]
  return sources.length === 0 ? {} : { envFrom: sources }
}
