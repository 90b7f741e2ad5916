import { createHmac, timingSafeEqual } from 'node:crypto'

/**
 * The three tokens that the gateway gives out, as upstream has three: what the pod registers with, the session token
 * of its agent, and the job token.
 */
export type CredentialKind = 'register' | 'session' | 'job'

/** What a token claims to be, before it is proved. */
export interface Claim {
  kind: CredentialKind
  jobId: string
  mac: string
}

const prefixes = { register: 'jsr', session: 'jss', job: 'jsj' } as const
const kinds = Object.fromEntries(
  Object.entries(prefixes).map(([kind, prefix]) => [prefix, kind]),
) as Record<string, CredentialKind | undefined>

/**
 * The token of one kind for one run. All three come from the run's secret, so that a restarted gateway knows them
 * again, and none can be made from another. `secret` is base64url.
 */
export function credential(
  kind: CredentialKind,
  { jobId, secret }: { jobId: string; secret: string },
): string {
  return `${prefixes[kind]}_${jobId}_${mac(kind, jobId, secret)}`
}

/** What an `Authorization` header claims; undefined when it holds no token of ours. */
export function claim(authorization: string | undefined): Claim | undefined {
  const match = /^Token ([a-z]{3})_(.+)_([\w-]{43})$/.exec(authorization ?? '')
  const kind = kinds[match?.[1] ?? '']
  if (!match || !kind) return undefined
  return { kind, jobId: match[2] ?? '', mac: match[3] ?? '' }
}

/** Whether the claim was made from that run's secret. */
export function proves({ kind, jobId, mac: given }: Claim, secret: string): boolean {
  return timingSafeEqual(Buffer.from(given), Buffer.from(mac(kind, jobId, secret)))
}

function mac(kind: CredentialKind, jobId: string, secret: string): string {
  return createHmac('sha256', Buffer.from(secret, 'base64url'))
    .update(`${kind}:${jobId}`)
    .digest('base64url')
}
