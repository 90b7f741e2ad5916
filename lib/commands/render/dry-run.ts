import { systemClock } from '../../clock.js'
import { connectCluster, type Cluster } from '../../cluster/cluster.js'
import { isClusterError } from '../../cluster/cluster-error.js'
import { loadKubeConfig } from '../../cluster/kubeconfig.js'
import type { PodConfig } from '../../config/config.js'
import { Problem } from '../../errors.js'
import { defaultLedgerNamespace } from '../../ledger/namespace.js'
import { makeLog } from '../../log.js'

/**
 * The cluster that the settings mean, of which nothing is made and nothing asked yet.
 * @throws Problem KUBECONFIG
 */
export function dryCluster(
  config: PodConfig,
  { env, stderr }: { env: NodeJS.ProcessEnv; stderr: NodeJS.WritableStream },
): Cluster {
  return connectCluster({
    kubeConfig: loadKubeConfig({ kubeconfig: config.kubeconfig, context: config.context, env }),
    namespace: config.namespace,
    ledgerNamespace: config.ledgerNamespace ?? defaultLedgerNamespace,
    log: makeLog('silent', stderr),
    clock: systemClock,
  })
}

/**
 * What the API server says against the Job; undefined when it would take it.
 * @throws Problem CLUSTER_UNREACHABLE when it does not answer
 */
export async function refusalOf(
  cluster: Cluster,
  job: Parameters<Cluster['createJob']>[0],
): Promise<string | undefined> {
  try {
    await cluster.createJob(job, { dryRun: true })
    return undefined
  } catch (error) {
    if (!isClusterError(error)) throw error
    if (error.status !== undefined) return error.message
    throw new Problem('CLUSTER_UNREACHABLE', 'the Kubernetes API cannot be reached', {
      where: cluster.host,
      wanted: 'an answer',
      found: error.message,
      hint: 'check the server in the kubeconfig, or choose another with --context or --kubeconfig',
    })
  }
}
