import type { V1Container, V1EnvFromSource } from '@kubernetes/client-node'
import type { JobInputs } from '../given/inputs.js'
import { sidecarName } from '../given/names.js'
import { oursOver } from './ours.js'
import type { AuthoredPodSpec } from '../given/plugin.js'
import { imagePullPolicy } from './pull-policy.js'
import type { PodSettings } from '../given/settings.js'
import { volumeMounts } from './volumes.js'

/** The sidecars: init containers that restart, so that they are up before the commands and end after them. */
export function sidecarDrafts({ plugin }: JobInputs, settings: PodSettings): V1Container[] {
  const { sidecars = [], sidecarParams, gitEnvFrom, extraVolumeMounts } = plugin
  const defaults = settings.defaultSidecarParams
  return sidecars.map((container, index) =>
    oursOver(container, {
      name: sidecarName(container, index),
      ...imagePullPolicy(settings, container.imagePullPolicy),
      restartPolicy: 'Always',
      ...sources(container.envFrom, defaults?.envFrom, sidecarParams?.envFrom, gitEnvFrom),
      volumeMounts: volumeMounts(settings, {
        before: [
          ...(container.volumeMounts ?? []),
          ...(defaults?.extraVolumeMounts ?? []),
          ...(sidecarParams?.extraVolumeMounts ?? []),
        ],
        after: extraVolumeMounts,
      }),
    }),
  )
}

/** The init containers of the podSpec, which see the workspace as all containers do. */
export function ownInitDrafts(own: AuthoredPodSpec, settings: PodSettings): V1Container[] {
  return (own.initContainers ?? []).map(container =>
    oursOver(container, {
      name: container.name,
      ...imagePullPolicy(settings, container.imagePullPolicy),
      volumeMounts: volumeMounts(settings, { before: container.volumeMounts ?? [] }),
    }),
  )
}

/** An `envFrom` of all of these, as a part of a container's literal. Of two that give one variable, the later counts. */
export function sources(
  ...lists: readonly (readonly V1EnvFromSource[] | undefined)[]
): Pick<V1Container, 'envFrom'> {
  const envFrom = lists.flatMap(list => list ?? [])
  return envFrom.length === 0 ? {} : { envFrom }
}
