import type { AuthenticationV1Api, CoreV1Api, VersionApi } from '@kubernetes/client-node'
import { messageOf, Problem } from '../errors.js'
import type { Log } from '../log.js'
import { isClusterError, isNotFound } from './cluster-error.js'
import { tokenAudience } from '../pod-token.js'
import { reviewToken } from './token-review.js'

/**
 * The API server's version, such as v1.33.1.
 * @throws Problem CLUSTER_UNREACHABLE when nobody answers, CLUSTER_REFUSED when we are not let in
 */
export async function pingCluster(api: VersionApi, host: string): Promise<string> {
  let version: string | undefined
  try {
    version = (await api.getCode()).gitVersion
  } catch (error) {
    throw clusterProblem(error, host)
  }
  if (version) return version
  throw new Problem('CLUSTER_REFUSED', 'what answers is not a Kubernetes API server', {
    where: host,
    wanted: 'a version from /version',
    found: 'an answer without one',
    hint: 'check the server in the kubeconfig, or choose another with --context or --kubeconfig',
  })
}

/**
 * Makes a namespace when it is missing. Who may not even read it is taken to have been given one that exists.
 * @throws Problem CLUSTER_UNREACHABLE, CLUSTER_REFUSED
 */
export async function ensureNamespace(
  core: CoreV1Api,
  { name, host, log }: { name: string; host: string; log: Log },
): Promise<void> {
  try {
    await core.readNamespace({ name })
    return
  } catch (error) {
    if (isClusterError(error) && error.status === 403) {
      return log.debug({ namespace: name }, 'namespace not readable, taken to exist')
    }
    if (!isNotFound(error)) throw clusterProblem(error, host)
  }
  try {
    await core.createNamespace({ body: { metadata: { name } } })
    log.info({ namespace: name }, 'namespace created')
  } catch (error) {
    if (isClusterError(error, 'exists')) return
    const hint = `create it: kubectl create namespace ${name}`
    throw clusterProblem(error, host, { where: `namespace ${name}`, hint })
  }
}

/**
 * Asks for the review of a token that is none, so that a missing right is known before the first pod needs it.
 * @throws Problem TOKEN_REVIEW when we may not ask, CLUSTER_UNREACHABLE, CLUSTER_REFUSED
 */
export async function checkTokenReviews(api: AuthenticationV1Api, host: string): Promise<void> {
  try {
    await reviewToken(api, { token: 'none', audience: tokenAudience })
  } catch (error) {
    if (!isClusterError(error) || error.status !== 403) throw clusterProblem(error, host)
    throw new Problem('TOKEN_REVIEW', "the pods' tokens can't be reviewed", {
      where: host,
      wanted: 'the right to create tokenreviews.authentication.k8s.io (it is cluster-wide)',
      found: error.message,
      hint: 'the chart grants it with rbac.create; else bind the ClusterRole system:auth-delegator to our user',
    })
  }
}

function clusterProblem(
  error: unknown,
  host: string,
  known: { where?: string; hint?: string } = {},
): Problem {
  const status = isClusterError(error) ? error.status : undefined
  const where = known.where ?? host
  if (status === undefined || status === 429 || status >= 500) {
    return new Problem('CLUSTER_UNREACHABLE', 'the Kubernetes API server cannot be reached', {
      where,
      wanted: 'an answer from the API server',
      found: messageOf(error),
      hint: 'check that the cluster runs, and choose it with --context or --kubeconfig',
    })
  }
  return new Problem('CLUSTER_REFUSED', 'the Kubernetes API server refuses us', {
    where,
    wanted: 'credentials that it accepts, with the permission to do this',
    found: `status ${status}: ${messageOf(error)}`,
    hint: known.hint ?? 'check the user of the kubeconfig, or choose another with --context',
  })
}
