import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import type { KubernetesPlugin } from './plugin.js'

/** Where the containers of a pod meet: binaries, sockets, checkout. */
export const workspace = '/workspace'

/** The copy of the agent that runs in images which have none. */
export const agentBinary = `${workspace}/buildkite-agent`

/** The static init process that stands before it. */
export const tiniBinary = `${workspace}/tini-static`

const workspaceName = 'workspace'

/** The pod's volumes: its own, and the workspace unless one of its own has that name. */
export function volumes(plugin: KubernetesPlugin): V1Volume[] {
  const own = plugin.podSpec?.volumes ?? []
  if (own.some(volume => volume.name === workspaceName)) return [...own]
  return [...own, { name: workspaceName, emptyDir: {} }]
}

/** A container's mounts: its own, the workspace, the extra ones. Of two at one path the first stays. */
export function volumeMounts(
  own: readonly V1VolumeMount[] = [],
  extra: readonly V1VolumeMount[] = [],
): V1VolumeMount[] {
  const all = [...own, { name: workspaceName, mountPath: workspace }, ...extra]
  return all.filter(
    (mount, index) => all.findIndex(other => other.mountPath === mount.mountPath) === index,
  )
}

/** The directory of a container's own sockets: containers may run as different users. */
export function socketsPath(container: string): string {
  return `${workspace}/sockets/${container}`
}
