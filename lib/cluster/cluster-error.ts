/**
 * What a caller does with a refusal: `retry` it later (it is passing), give up on it (`final`), start over because the
 * version asked for is no longer kept (`gone`), take what `exists` already, or read again and write again (`conflict`).
 */
export type ClusterDisposition = 'retry' | 'final' | 'gone' | 'exists' | 'conflict'

/** What is known of a refusal. `status` is absent when no answer came. */
export interface Refusal {
  status?: number
  /** The `reason` of the API server's Status, or the code of a network error. */
  reason?: string
  message: string
  /** The kind of object that the Status is about, in plural and lower case. */
  kind?: string
  retryAfterMs?: number
}

/** A refusal of the Kubernetes API, in the API server's own words, or no answer from it. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly retryAfterMs: number | undefined
  readonly disposition: ClusterDisposition

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.status = refusal.status
    this.reason = refusal.reason
    this.retryAfterMs = refusal.retryAfterMs
    this.disposition = classify(refusal)
  }
}

/** Whether an error is a `ClusterError`, of the given disposition when one is given. */
export function isClusterError(
  error: unknown,
  disposition?: ClusterDisposition,
): error is ClusterError {
  return error instanceof ClusterError && (!disposition || error.disposition === disposition)
}

/** Whether the API server said that there is no such thing. */
export function isNotFound(error: unknown): boolean {
  return isClusterError(error) && error.status === 404
}

/**
 * What to do about a refusal. A 401 is passing because it speaks of our credentials, which are renewed, and not of
 * what was asked; a 403 is a policy's last word unless it is a quota that others' jobs use up just now.
 */
export function classify(refusal: Refusal): ClusterDisposition {
  const { status, reason, message, kind } = refusal
  if (status === undefined) return 'retry'
  if (status === 410 || reason === 'Expired') return 'gone'
  if (status === 409) {
    // Two requests that count against one quota can collide on the quota's own object.
    if (kind === 'resourcequotas' || /on resourcequotas "/.test(message)) return 'retry'
    return reason === 'AlreadyExists' ? 'exists' : 'conflict'
  }
  if (status === 403)
    return /exceeded quota|status unknown for quota/.test(message) ? 'retry' : 'final'
  // etcd's word on the size of an object comes as a fault of the server's.
  if (/request is too large/.test(message)) return 'final'
  if (status === 401 || status === 408 || status === 429 || status >= 500) return 'retry'
  return 'final'
}

/** The error of an answer with a failing status: `body` is a metav1 Status, or what a proxy on the way says. */
export function errorOfAnswer(
  status: number,
  headers: Record<string, string | string[] | undefined>,
  body: string,
): ClusterError {
  const said = statusBody(body)
  const seconds = Number(headers['retry-after'] ?? said?.details?.retryAfterSeconds ?? Number.NaN)
  return new ClusterError({
    status,
    reason: said?.reason,
    message: said?.message ?? plainMessage(status, headers['content-type'], body),
    kind: said?.details?.kind,
    retryAfterMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined,
  })
}

/** The error of a request that got no answer, or not all of it. Names the host, and never what was sent. */
export function errorOfNetwork(error: unknown, host: string): ClusterError {
  if (error instanceof ClusterError) return error
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string }
  const reason = typeof code === 'string' ? code : (name ?? 'Error')
  const detail = message && message !== reason ? `${message}, ${reason}` : reason
  return new ClusterError({
    reason,
    message: `no answer from the API server at ${host} (${detail})`,
  })
}

interface StatusBody {
  message?: string
  reason?: string
  code?: number
  details?: { kind?: string; retryAfterSeconds?: number }
}

/** The error of an ERROR event in a watch, whose object is a Status. */
export function errorOfStatus(object: unknown): ClusterError {
  const said = (object ?? {}) as StatusBody
  return errorOfAnswer(said.code ?? 500, {}, JSON.stringify({ kind: 'Status', ...said }))
}

function statusBody(body: string): StatusBody | undefined {
  try {
    const said = JSON.parse(body) as (StatusBody & { kind?: string }) | null
    return said?.kind === 'Status' ? said : undefined
  } catch {
    return undefined
  }
}

/** Text is the API server's (429 is answered so); a page of HTML is a proxy's and says nothing. */
function plainMessage(status: number, type: string | string[] | undefined, body: string): string {
  const words = String(type ?? '').startsWith('text/plain') ? body.trim().slice(0, 300) : ''
  return words || `the API server answered with status ${status}`
}
