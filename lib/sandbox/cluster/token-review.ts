import { badRequest } from './status.js'
import type { PodToken, PodTokens } from './pod-tokens.js'

const prefix = 'authentication.kubernetes.io'
// What the API server takes a review to be about that names no audience.
const ownAudiences = ['https://kubernetes.default.svc']

interface ReviewSpec {
  token?: unknown
  audiences?: unknown
}

/**
 * The answer to a TokenReview: the request with its status, as the real API server gives it. Nothing is stored.
 * @throws Refusal (400) when there is no token in it.
 */
export function reviewed(tokens: PodTokens, body: { [field: string]: unknown }): object {
  const spec = (body['spec'] ?? {}) as ReviewSpec
  if (typeof spec.token !== 'string' || spec.token === '') {
    throw badRequest('token is required for TokenReview in authentication')
  }
  const asked = Array.isArray(spec.audiences) ? (spec.audiences as string[]) : []
  const audiences = asked.length === 0 ? ownAudiences : asked
  return {
    kind: 'TokenReview',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {},
    spec,
    status: statusOf(tokens.find(spec.token), audiences),
  }
}

/** Whether a review found the token good. */
export function isAuthenticated(review: object): boolean {
  return (review as { status?: { authenticated?: boolean } }).status?.authenticated === true
}

function statusOf(token: PodToken | undefined, audiences: string[]): object {
  if (!token) return { user: {}, error: 'invalid bearer token' }
  const common = audiences.filter(audience => audience === token.audience)
  if (common.length === 0) {
    const error = `[invalid bearer token, token audiences ${words([token.audience])} is invalid for the target audiences ${words(audiences)}]`
    return { user: {}, error }
  }
  const { namespace, serviceAccount } = token
  return {
    authenticated: true,
    user: {
      username: `system:serviceaccount:${namespace}:${serviceAccount}`,
      uid: `sandbox-${namespace}-${serviceAccount}`,
      groups: [
        'system:serviceaccounts',
        `system:serviceaccounts:${namespace}`,
        'system:authenticated',
      ],
      extra: {
        [`${prefix}/credential-id`]: [`JTI=${token.id}`],
        [`${prefix}/node-name`]: ['sandbox'],
        [`${prefix}/pod-name`]: [token.podName],
        [`${prefix}/pod-uid`]: [token.podUid],
      },
    },
    audiences: common,
  }
}

function words(audiences: readonly string[]): string {
  return `[${audiences.map(audience => `"${audience}"`).join(' ')}]`
}
