import type { CredentialKind } from './credentials.js'

/** What the gateway does with a call. */
export type RouteAction =
  | 'register'
  | 'connect'
  | 'disconnect'
  | 'heartbeat'
  | 'ping'
  | 'acquire'
  | 'start'
  | 'chunk'
  | 'state'
  | 'finish'
  | 'forward'
  | 'step'
  | 'refuse'

/** What a row wants as its token: the pod's service account token, or one of ours. */
export type RouteCredential = 'service account' | CredentialKind

/** One row of the gateway's table. */
export interface Route {
  /** A method, or `any`. */
  method: string
  /** The path below /v3: `:job`, `:build` and `:step` stand for an id, `*` for anything. */
  path: string
  action: RouteAction
  credential: RouteCredential
  /** The path's job must be the token's, whatever else jobs may reach. */
  own?: true
  /** Said to the pod when the call is refused. */
  why?: string
}

/** A call that matched: its row, and the ids that its path names. */
export interface Match {
  route: Route
  named: { job?: string; build?: string; step?: string }
}

/**
 * Every route of the Agent API that a job's buildkite-agent calls: answered here, spliced, forwarded or refused. The
 * first row that matches counts. What upstream may add below /jobs, /builds, /steps and /cache_registries is forwarded
 * as well: subcommands come with minor releases of the agent.
 */
export const routes: readonly Route[] = [
  row('POST', '/register', 'register', 'service account'),
  row('POST', '/connect', 'connect', 'session'),
  row('POST', '/disconnect', 'disconnect', 'session'),
  row('POST', '/heartbeat', 'heartbeat', 'session'),
  row('GET', '/ping', 'ping', 'session'),
  row('PUT', '/jobs/:job/acquire', 'acquire', 'session', { own: true }),
  row('PUT', '/jobs/:job/accept', 'refuse', 'session', {
    why: 'a pod agent acquires its job and accepts no other',
  }),
  row('PUT', '/jobs/:job/start', 'start', 'job', { own: true }),
  row('POST', '/jobs/:job/chunks', 'chunk', 'job', { own: true }),
  row('PUT', '/jobs/:job/finish', 'finish', 'job', { own: true }),
  row('GET', '/jobs/:job', 'state', 'job', { own: true }),
  ...['stop', 'pause', 'resume'].map(name =>
    row('POST', `/${name}`, 'refuse', 'job', {
      why: 'a job may not stop, pause or resume the agent that serves it',
    }),
  ),
  // Not forwarded in any other spelling or by another method: upstream's router may be more lenient than ours.
  ...['acquire', 'accept', 'start', 'chunks', 'finish'].map(name =>
    row('any', `/jobs/:job/${name}*`, 'refuse', 'job', { why: 'this call has one form only' }),
  ),
  row('any', '/jobs/:job', 'forward', 'job'),
  row('any', '/jobs/:job/*', 'forward', 'job'),
  row('any', '/builds/:build', 'forward', 'job'),
  row('any', '/builds/:build/*', 'forward', 'job'),
  row('any', '/steps/:step', 'step', 'job'),
  row('any', '/steps/:step/*', 'step', 'job'),
  row('any', '/cache_registries/*', 'forward', 'job'),
]

const compiled = routes.map(route => ({ route, pattern: patternOf(route.path) }))

/** The row for a call and the ids in its path; undefined when there is none. `path` is below /v3, without a query. */
export function matchRoute(method: string, path: string): Match | undefined {
  // Upstream's router takes `/finish.json` for `/finish` (the agent escapes dots for that reason), so we do too.
  const plain = plainPath(path.replace(/\.[a-z]+$/i, ''))
  if (plain === undefined) return undefined
  for (const { route, pattern } of compiled) {
    if (route.method !== 'any' && route.method !== method) continue
    const match = pattern.exec(plain)
    if (match) return { route, named: { ...match.groups } }
  }
  return undefined
}

function row(
  method: string,
  path: string,
  action: RouteAction,
  credential: RouteCredential,
  more: { own?: true; why?: string } = {},
): Route {
  return { method, path, action, credential, ...more }
}

// A star at the end of a word is for what follows the word, but for more letters of it.
function patternOf(path: string): RegExp {
  const source = path
    .replace(/:(job|build|step)/g, '(?<$1>[^/]+)')
    .replace(/\/\*$/, '/.+')
    .replace(/(?<=\w)\*$/, '(?![\\w-]).*')
  return new RegExp(`^${source}$`, 's')
}

// The path without its escapes (the agent escapes ids, and `.` as %2E; agent: api/client.go). One that another router
// could read differently (an escaped slash, an empty or a dot segment, an escape in an escape) is none of an agent's.
function plainPath(path: string): string | undefined {
  try {
    const segments = path.split('/').map(decodeURIComponent)
    return segments.slice(1).some((segment, at) => odd(segment, segments, at))
      ? undefined
      : segments.join('/')
  } catch {
    return undefined
  }
}

function odd(segment: string, [, first, , third]: string[], at: number): boolean {
  // The context of an annotation is any text, and where a path is unescaped before it is routed it stays below its job.
  const inner = first === 'jobs' && third === 'annotations' && at === 3
  const parts = inner ? segment.split('/') : [segment]
  return parts.some(part => /^\.{0,2}$|[/\\\0]/.test(part) || (!inner && /%[\da-f]{2}/i.test(part)))
}
