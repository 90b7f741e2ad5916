import type { V1Volume, V1VolumeMount } from '@kubernetes/client-node'
import { agentConfigMounts, agentConfigVolumes, type ContainerRole } from './agent-config.js'
import { checkoutParams, checkoutVolumes } from './checkout-params.js'
import type { JobInputs } from '../given/inputs.js'
import type { PodSettings } from '../given/settings.js'

/** Where the containers of a pod meet: binaries, sockets, checkout. */
export const workspace = '/workspace'

/** The copy of the agent that runs in images which have none. */
export const agentBinary = `${workspace}/buildkite-agent`

/** The static init process that stands before it. */
export const tiniBinary = `${workspace}/tini-static`

/** The directory of a container's own sockets: containers may run as different users. */
export function socketsPath(container: string): string {
  return `${workspace}/sockets/${container}`
}

/**
 * These volumes, with those that a pod needs. One of the author's may stand in for the workspace or for what the
 * checkout needs, never for one of the operator's: hooks and keys are what the operator says they are.
 */
export function heldVolumes(
  own: readonly V1Volume[] = [],
  inputs: JobInputs,
  settings: PodSettings,
): V1Volume[] {
  const kept = replaced(own, agentConfigVolumes(settings.agentConfig), byName)
  const needed = [
    settings.workspaceVolume ?? { name: workspaceName(settings), emptyDir: {} },
    ...agentConfigVolumes(settings.agentConfig),
    ...checkoutVolumes(checkoutParams(inputs, settings)),
  ]
  return firstOfEach([...kept, ...needed], byName)
}

/**
 * A container's mounts: those before, the workspace, those after. Of two at one path the first stays.
 */
export function volumeMounts(
  settings: PodSettings,
  {
    before = [],
    after = [],
  }: { before?: readonly V1VolumeMount[]; after?: readonly V1VolumeMount[] | undefined } = {},
): V1VolumeMount[] {
  return firstOfEach([...before, workspaceMount(settings), ...after], byPath)
}

/**
 * A patched container's mounts, with those that it must have: the operator's as they are, and the workspace unless
 * something else is mounted in its place.
 */
export function heldMounts(
  patched: readonly V1VolumeMount[] = [],
  settings: PodSettings,
  role: ContainerRole,
): V1VolumeMount[] {
  const operators = agentConfigMounts(settings.agentConfig, role)
  const kept = replaced(patched, operators, byPath)
  return firstOfEach([...kept, ...operators, workspaceMount(settings)], byPath)
}

/** The mount of the workspace. */
export function workspaceMount(settings: PodSettings): V1VolumeMount {
  const { workspaceMountSubPathExpr: subPathExpr } = settings
  return {
    name: workspaceName(settings),
    mountPath: workspace,
    ...(subPathExpr === undefined ? {} : { subPathExpr }),
  }
}

/** Where a container sees a mount with this path: `/a/`, `/a//.` and `a` are all `/a` to the kubelet. */
export function mountedAt(mountPath: string | undefined): string {
  const parts: string[] = []
  for (const part of (mountPath ?? '').split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

function workspaceName({ workspaceVolume }: PodSettings): string {
  return workspaceVolume?.name ?? 'workspace'
}

const byName = ({ name }: V1Volume) => name
const byPath = ({ mountPath }: V1VolumeMount) => mountedAt(mountPath)

function replaced<Item>(
  items: readonly Item[],
  by: readonly Item[],
  key: (item: Item) => string,
): Item[] {
  return items.map(item => by.find(other => key(other) === key(item)) ?? item)
}

function firstOfEach<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  const seen = new Set<string>()
  return items.filter(item => !seen.has(key(item)) && seen.add(key(item)))
}
