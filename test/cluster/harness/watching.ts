import {
  KubeConfig,
  Watch,
  type CoreV1Event,
  type V1Job,
  type V1Node,
  type V1Pod,
} from '@kubernetes/client-node'
import { kubeconfig } from './env.js'
import type { Teardown } from './namespaces.js'

/** An object as a watch brought it, and when, in milliseconds since 1970. */
export interface Sighting<T> {
  at: number
  type: string
  object: T
}

/**
 * What Kubernetes said, and when it said so: all versions of the pods, Jobs and events of a namespace, and of the nodes,
 * from the moment it starts to the end of the test.
 */
export class Watching {
  readonly pods: Sighting<V1Pod>[] = []
  readonly jobs: Sighting<V1Job>[] = []
  readonly events: Sighting<CoreV1Event>[] = []
  readonly nodes: Sighting<V1Node>[] = []

  static async start(t: Teardown, namespace: string): Promise<Watching> {
    const seen = new Watching()
    const config = new KubeConfig()
    config.loadFromFile(kubeconfig)
    const watch = new Watch(config)
    const follow = async <T>(path: string, sightings: Sighting<T>[]) => {
      const note = (type: string, object: T) =>
        void sightings.push({ at: Date.now(), type, object })
      const end = await watch.watch(path, {}, note, () => {})
      t.teardown(() => end.abort())
    }
    await follow(`/api/v1/namespaces/${namespace}/pods`, seen.pods)
    await follow(`/apis/batch/v1/namespaces/${namespace}/jobs`, seen.jobs)
    await follow(`/api/v1/namespaces/${namespace}/events`, seen.events)
    await follow('/api/v1/nodes', seen.nodes)
    return seen
  }

  /** When a job's pod was first seen to be so. */
  podWas(jobId: string, so: (pod: V1Pod) => boolean): number | undefined {
    return this.#podsOf(jobId).find(({ object }) => so(object))?.at
  }

  /** A job's pod as it was seen last. */
  lastPod(jobId: string): V1Pod | undefined {
    return this.#podsOf(jobId).at(-1)?.object
  }

  /** When the pod was deleted from the API server. */
  podGone(jobId: string): number | undefined {
    return this.#podsOf(jobId).find(({ type }) => type === 'DELETED')?.at
  }

  /** When an event about a job's Job, pod or claim was first seen, by its reason or its words. */
  eventWas(jobId: string, words: RegExp): number | undefined {
    return this.events.find(
      ({ object: { involvedObject, reason, message } }) =>
        involvedObject.name?.includes(jobId) && words.test(`${reason}: ${message}`),
    )?.at
  }

  #podsOf(jobId: string): Sighting<V1Pod>[] {
    return this.pods.filter(
      ({ object }) => object.metadata?.labels?.['buildkite.com/job-uuid'] === jobId,
    )
  }
}

/** Whether a container of a pod is so, by what its status says now. */
export function containerIs(
  name: string,
  state: 'running' | 'waiting' | 'terminated',
  reason?: string | RegExp,
): (pod: V1Pod) => boolean {
  return ({ status }) => {
    const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    const found = all.find(one => one.name === name)?.state?.[state]
    if (found === undefined) return false
    const said = 'reason' in found ? (found.reason ?? '') : ''
    return reason === undefined || (reason instanceof RegExp ? reason.test(said) : reason === said)
  }
}
