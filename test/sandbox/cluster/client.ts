import { BatchV1Api, CoreV1Api, KubeConfig, type V1Pod } from '@kubernetes/client-node'
import type { Test } from 'tap'
import {
  startCluster,
  type ClusterOptions,
  type EmbeddedCluster,
} from '../../../lib/sandbox/cluster/server.js'

/** An embedded cluster that ends with the test, and the real client library's APIs for it. */
export async function clusterFor(t: Test, options: ClusterOptions = {}) {
  const cluster = await startCluster(options)
  t.teardown(() => cluster.close())
  const config = new KubeConfig()
  config.loadFromFile(cluster.kubeconfig)
  const core = config.makeApiClient(CoreV1Api)
  return { cluster, config, core, batch: config.makeApiClient(BatchV1Api) }
}

/** The only pod of the cluster, as soon as there is one that fits. */
export async function podWhen(
  cluster: EmbeddedCluster,
  fits: (pod: V1Pod) => boolean = () => true,
): Promise<V1Pod> {
  for (;;) {
    const pod = (cluster.objects('pods') as V1Pod[]).find(fits)
    if (pod) return pod
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** Resolves when it holds; looks again and again, so that the test fails by its time-out if it never does. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 10))
}
