import type { V1Container, V1Pod } from '@kubernetes/client-node'
import { apply, kubectlJson } from './kubectl.js'
import type { World } from './world.js'

/** Where the jobs of a test are: a world's, or a release's of the chart. */
type Place = Pick<World, 'namespaces'>

/** The pods of a job that there are now. */
export async function podsOf(world: Place, jobId: string): Promise<V1Pod[]> {
  const selector = ['-l', `buildkite.com/job-uuid=${jobId}`]
  const list = ['get', 'pods', '-n', world.namespaces.jobs, ...selector]
  return (await kubectlJson<{ items: V1Pod[] }>(list)).items
}

/** The one pod of a job. */
export async function podOf(world: Place, jobId: string): Promise<V1Pod> {
  const [pod, ...others] = await podsOf(world, jobId)
  if (pod === undefined || others.length > 0) throw new Error(`${jobId} has not exactly one pod`)
  return pod
}

/** All containers of a pod, the init containers first. */
export function containersOf({ spec }: V1Pod): V1Container[] {
  return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
}

/** A container of a pod by its name. */
export function containerOf(pod: V1Pod, name: string): V1Container {
  const container = containersOf(pod).find(one => one.name === name)
  if (container === undefined) throw new Error(`the pod has no container ${name}`)
  return container
}

/** Puts a Secret where the jobs are. */
export async function addSecret(
  world: World,
  name: string,
  stringData: Record<string, string>,
): Promise<void> {
  await addObject(world, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData })
}

/** An object of the cluster, as its manifest has it. */
export interface Manifest {
  apiVersion: string
  kind: string
  metadata: { name: string }
  [field: string]: unknown
}

/** Puts an object where the jobs are. */
export async function addObject(world: World, object: Manifest): Promise<void> {
  const { jobs: namespace } = world.namespaces
  await apply({ ...object, metadata: { ...object.metadata, namespace } })
}
