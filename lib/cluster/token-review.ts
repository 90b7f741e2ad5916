import type { AuthenticationV1Api } from '@kubernetes/client-node'

/** A pod, as the API server knows it from its service account token. */
export interface PodIdentity {
  namespace: string
  name: string
  uid: string
  serviceAccount: string
}

const podName = 'authentication.kubernetes.io/pod-name'
const podUid = 'authentication.kubernetes.io/pod-uid'

/**
 * Whose token it is, as the API server says; undefined when it is not good for the audience, or bound to no pod that
 * exists. Throws `ClusterError` when the API server does not say.
 */
export async function reviewToken(
  api: AuthenticationV1Api,
  { token, audience }: { token: string; audience: string },
): Promise<PodIdentity | undefined> {
  const body = { spec: { token, audiences: [audience] } }
  const { status } = await api.createTokenReview({ body })
  if (!status?.authenticated || !status.audiences?.includes(audience)) return undefined
  const { username = '', extra = {} } = status.user ?? {}
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username)
  const [name, uid] = [extra[podName]?.[0], extra[podUid]?.[0]]
  if (!account?.[1] || !account[2] || !name || !uid) return undefined
  return { namespace: account[1], serviceAccount: account[2], name, uid }
}
