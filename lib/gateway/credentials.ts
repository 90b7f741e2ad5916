import { createHmac, timingSafeEqual } from 'node:crypto'

/** The two tokens that the gateway gives out, as upstream has them: the session token of an agent, and the job token. */
export type CredentialKind = 'session' | 'job'

/** Whom a token is for: a run, one pod of it, and the addresses from which it may be used; any when there are none. */
export interface Bearer {
  jobId: string
  podUid: string
  addresses: readonly string[]
}

/** What a token claims to be, before it is proved. */
export interface Claim extends Bearer {
  kind: CredentialKind
  mac: string
}

const prefixes = { session: 'jss', job: 'jsj' } as const
const kinds: Record<string, CredentialKind> = { jss: 'session', jsj: 'job' }

/**
 * A token for one pod of one run. It names whom it is for, and is proved by the run's secret: a restarted gateway knows
 * it again without a table, and none can be made from another. `secret` is base64url.
 */
export function credential(kind: CredentialKind, bearer: Bearer & { secret: string }): string {
  const { jobId, podUid, addresses, secret } = bearer
  const where = Buffer.from(addresses.join(',')).toString('base64url')
  const claimed = `${prefixes[kind]}_${jobId}.${podUid}.${where}`
  return `${claimed}.${mac(claimed, secret)}`
}

/** What an `Authorization` header claims; undefined when it holds no token of ours. */
export function claim(authorization: string | undefined): Claim | undefined {
  const match = /^Token (js[sj])_(.+)\.([\w-]+)\.([\w-]*)\.([\w-]{43})$/.exec(authorization ?? '')
  if (!match) return undefined
  const [prefix = '', jobId = '', podUid = '', where = '', given = ''] = match.slice(1)
  const kind = kinds[prefix]
  if (!kind) return undefined
  const text = Buffer.from(where, 'base64url').toString()
  return { kind, jobId, podUid, addresses: text === '' ? [] : text.split(','), mac: given }
}

/** Whether the claim was made from that run's secret. */
export function proves(claimed: Claim, secret: string): boolean {
  const own = credential(claimed.kind, { ...claimed, secret }).slice(-43)
  return timingSafeEqual(Buffer.from(claimed.mac), Buffer.from(own))
}

// The kind is in the claimed text by its prefix.
function mac(claimed: string, secret: string): string {
  return createHmac('sha256', Buffer.from(secret, 'base64url')).update(claimed).digest('base64url')
}
