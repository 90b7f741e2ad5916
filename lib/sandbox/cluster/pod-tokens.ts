import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.js'
import type { PodObject } from './objects.js'
import type { Storage } from './storage.js'

const leewayMs = 60_000
const issuer = 'https://kubernetes.default.svc'

/** What a service account token of a pod is good for. */
export interface TokenTerms {
  audience: string
  lifetimeSeconds: number
}

/** A token that was made, and for which pod. */
export interface PodToken {
  audience: string
  /** Milliseconds since 1970. */
  expiresAt: number
  /** What Kubernetes calls the JTI: it names the token and is no secret. */
  id: string
  namespace: string
  podName: string
  podUid: string
  serviceAccount: string
}

/**
 * The service account tokens of pods. They look as real ones do, three parts with dots, but the signature is only
 * randomness: what is known of a token stands here, and each is good for as long as its pod is there and it is young.
 */
export class PodTokens {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #tokens = new Map<string, PodToken>()

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage
    this.#clock = clock
  }

  /** A new token for the pod. */
  issue(pod: PodObject, { audience, lifetimeSeconds }: TokenTerms): string {
    const { namespace = '', name, uid } = pod.metadata
    const now = this.#clock.now()
    const known: PodToken = {
      audience,
      expiresAt: now + lifetimeSeconds * 1000,
      id: randomUUID(),
      namespace,
      podName: name,
      podUid: uid,
      serviceAccount: pod.spec.serviceAccountName ?? 'default',
    }
    const parts = [part({ alg: 'RS256', kid: 'sandbox' }), part(claims(known, now))]
    const text = [...parts, randomBytes(32).toString('base64url')].join('.')
    this.#tokens.set(text, known)
    return text
  }

  /** What is known of a token that is good now; undefined when it is nobody's, too old, or its pod is gone. */
  find(text: string): PodToken | undefined {
    const token = this.#tokens.get(text)
    if (!token || this.#clock.now() > token.expiresAt + leewayMs) return undefined
    const pod = this.#storage.get('pods', token.namespace, token.podName)
    return pod?.metadata.uid === token.podUid ? token : undefined
  }

  /** Forgets the tokens of a pod that is gone. */
  forget(podUid: string): void {
    for (const [text, token] of this.#tokens) {
      if (token.podUid === podUid) this.#tokens.delete(text)
    }
  }
}

function claims(token: PodToken, now: number): object {
  const seconds = Math.floor(now / 1000)
  return {
    aud: [token.audience],
    exp: Math.floor(token.expiresAt / 1000),
    iat: seconds,
    iss: issuer,
    jti: token.id,
    'kubernetes.io': {
      namespace: token.namespace,
      node: { name: 'sandbox' },
      pod: { name: token.podName, uid: token.podUid },
      serviceaccount: { name: token.serviceAccount },
    },
    nbf: seconds,
    sub: `system:serviceaccount:${token.namespace}:${token.serviceAccount}`,
  }
}

function part(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url')
}
