import type {
  V1Container,
  V1PodSpec,
  V1Volume,
  V1VolumeMount,
  V1VolumeProjection,
} from '@kubernetes/client-node'
import { Problem } from '../errors.js'
import { isTokenFolder, tokenAudience, tokenFolder, tokenVolumeName } from '../pod-token.js'
import { agentConfigMounts, verifies } from './containers/agent-config.js'
import { mountedAt } from './containers/volumes.js'
import type { JobInputs } from './given/inputs.js'
import {
  pluginPlace,
  pluginProblem,
  podSpecPatchPlace,
  type KubernetesPlugin,
} from './given/plugin.js'
import type { PodSettings } from './given/settings.js'

// What a step may not do, whoever wrote it. docs/pod.md has the whole table of who may say what.

/**
 * Nothing, when the step may have the plugin that it has.
 * @throws Problem JOB_PLUGIN when it has one and the operator allows none.
 */
export function refusePlugin(inputs: JobInputs, settings: PodSettings): void {
  if (!inputs.hasPlugin || settings.prohibitKubernetesPlugin !== true) return
  throw pluginProblem({
    where: "the step's plugins",
    wanted: 'no kubernetes plugin: the operator allows none (prohibit-kubernetes-plugin)',
    found: 'one',
    hint: "remove it; the step's image: and its agents: work without it",
  })
}

/**
 * Nothing, when the step's patch leaves the agent container alone, or nothing depends on that: the container checks
 * the job's signature, so that a step which may change it can't be held to one.
 * @throws Problem JOB_PLUGIN
 */
export function refuseAgentChange(
  before: V1PodSpec,
  after: V1PodSpec,
  settings: PodSettings,
): void {
  if (!verifies(settings.agentConfig)) return
  if (JSON.stringify(agentOf(before)) === JSON.stringify(agentOf(after))) return
  throw pluginProblem({
    where: `${podSpecPatchPlace}, the container agent`,
    wanted: "nothing: it checks the signatures of jobs here, and is the operator's alone",
    found: 'a change of it',
    hint: 'remove it from the patch',
  })
}

/**
 * Nothing, when the step mounts nothing inside a folder that the operator's hooks, plugins or keys are mounted at: one
 * file there could take the place of the operator's. What is mounted at such a folder itself, theirs replaces.
 * @throws Problem JOB_PLUGIN
 */
export function refuseMountInside({ plugin }: JobInputs, { agentConfig }: PodSettings): void {
  const held = (['agent', 'checkout', 'command'] as const)
    .flatMap(role => agentConfigMounts(agentConfig, role))
    .map(({ mountPath }) => mountedAt(mountPath))
  for (const { where, mountPath } of mountsOf(plugin)) {
    const folder = held.find(one => mountedAt(mountPath).startsWith(`${one}/`))
    if (folder === undefined) continue
    throw pluginProblem({
      where: `${pluginPlace}, ${where}`,
      wanted: `a path outside of ${folder}, where the operator's agent-config has a volume`,
      found: 'one inside of it',
      hint: 'mount it elsewhere',
    })
  }
}

/** The mounts that a step asks for in containers that the operator has a say in, or may ask for. */
function mountsOf(plugin: KubernetesPlugin): { where: string; mountPath: string | undefined }[] {
  const { podSpec, podSpecPatch, extraVolumeMounts, checkout, commandParams } = plugin
  const patched = podSpecPatch?.['containers'] as { volumeMounts?: V1VolumeMount[] }[] | undefined
  const lists: [string, (V1VolumeMount | null)[] | null | undefined][] = [
    ['extraVolumeMounts', extraVolumeMounts],
    ['checkout.extraVolumeMounts', checkout?.extraVolumeMounts],
    ['commandParams.extraVolumeMounts', commandParams?.extraVolumeMounts],
    ...mountLists('podSpec.containers', podSpec?.containers),
    ...mountLists('podSpecPatch.containers', patched),
  ]
  const mounts = lists.flatMap(([place, list]) =>
    (list ?? []).map((mount, index) => ({
      where: `${place}.${index}.mountPath`,
      mountPath: mount?.mountPath,
    })),
  )
  return [...mounts, { where: 'checkout.gitMirrors.path', mountPath: checkout?.gitMirrors?.path }]
}

function mountLists(
  place: string,
  containers: { volumeMounts?: V1VolumeMount[] | null }[] | null | undefined,
): [string, V1VolumeMount[] | null | undefined][] {
  return (containers ?? []).map(({ volumeMounts }, index) => [
    `${place}.${index}.volumeMounts`,
    volumeMounts,
  ])
}

function agentOf({ containers }: V1PodSpec): V1Container | undefined {
  return containers.find(({ name }) => name === 'agent')
}

/**
 * Nothing, unless the pod is for Windows.
 * @throws Problem JOB_INVALID: our containers are for Linux.
 */
export function refuseWindows({ os, nodeSelector }: V1PodSpec): void {
  const label = nodeSelector?.['kubernetes.io/os']
  if (os?.name !== 'windows' && label !== 'windows') return
  throw new Problem('JOB_INVALID', 'the pod is for Windows', {
    where:
      os?.name === 'windows' ? "the pod's os.name" : "the pod's nodeSelector, kubernetes.io/os",
    wanted: 'linux',
    found: 'windows',
    hint: 'the agent image, its scripts and its sockets are for Linux; run an ordinary buildkite-agent on Windows',
  })
}

/**
 * Nothing, unless someone's pod or patch touches the token that the agent container proves itself with: its volume, its
 * place there, or another token for the same reader. Only that container may have one, and only ours.
 * @throws Problem JOB_INVALID
 */
export function refuseTokenUse(spec: V1PodSpec): void {
  for (const volume of spec.volumes ?? []) refuseTokenVolume(volume)
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    for (const mount of container.volumeMounts ?? []) refuseTokenMount(container.name, mount)
  }
}

function refuseTokenVolume(volume: V1Volume): void {
  const { name } = volume
  if (name === tokenVolumeName) {
    throw tokenProblem('a volume', { wanted: 'another name', found: `the name ${name}` })
  }
  if (isForUs(volume)) {
    const [wanted, found] = ['another audience', `the audience ${tokenAudience}`]
    throw tokenProblem(`the volume ${name}, serviceAccountToken`, { wanted, found })
  }
}

function refuseTokenMount(container: string, { name, mountPath }: V1VolumeMount): void {
  const place = `the container ${container}, volumeMounts`
  if (name === tokenVolumeName) {
    throw tokenProblem(place, { wanted: 'another volume', found: `the volume ${name}` })
  }
  if (container !== 'agent' || !isTokenFolder(mountedAt(mountPath))) return
  const wanted = `a path outside of ${tokenFolder}`
  throw tokenProblem(place, { wanted, found: `the path ${mountedAt(mountPath)}` })
}

function isForUs({ projected }: V1Volume): boolean {
  // What is in a volume nobody has looked at yet: that is the API server's to judge.
  const sources: unknown = projected?.sources
  if (!Array.isArray(sources)) return false
  return sources.some(
    (source: V1VolumeProjection | null) => source?.serviceAccountToken?.audience === tokenAudience,
  )
}

function tokenProblem(place: string, evidence: { wanted: string; found: string }): Problem {
  return new Problem('JOB_INVALID', "the pod reaches for the agent container's token", {
    where: `the pod, ${place}`,
    ...evidence,
    hint: 'only the agent container has a token for the job spawner, which puts it there itself',
  })
}
