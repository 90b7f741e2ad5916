import type { V1Container, V1PodSpec, V1VolumeMount } from '@kubernetes/client-node'
import type { PodSettings } from '../given/settings.js'
import { workspace, workspaceMount } from './volumes.js'

// A pod may run as a user whom no image knows. ssh refuses to work for one, so that the checkout container sees an
// /etc/passwd with that user in it. copy-agent writes it: no container of ours needs to be root for it.

const passwdName = '.passwd'

/** Where copy-agent leaves the list of users. */
export const passwdFile = `${workspace}/${passwdName}`

/** The user's home: in the container's own file system, as SSH keys that lie in the workspace would be everybody's. */
export const userHome = '/tmp'

/** The user and group that a container runs as, `UID:GID`; undefined when it is root, or as its image has it. */
export function userOf(spec: V1PodSpec, container?: V1Container): string | undefined {
  const user = container?.securityContext?.runAsUser ?? spec.securityContext?.runAsUser
  const group = container?.securityContext?.runAsGroup ?? spec.securityContext?.runAsGroup
  return user === undefined || user === 0 ? undefined : `${user}:${group ?? 0}`
}

/** The mount of that list over the image's. */
export function passwdMount(settings: PodSettings): V1VolumeMount {
  const { subPathExpr, ...mount } = workspaceMount(settings)
  return {
    ...mount,
    mountPath: '/etc/passwd',
    ...(subPathExpr === undefined
      ? { subPath: passwdName }
      : { subPathExpr: `${subPathExpr}/${passwdName}` }),
    readOnly: true,
  }
}
