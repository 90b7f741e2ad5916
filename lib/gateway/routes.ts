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
  | 'refuse'

/** One row of the gateway's table. `own` means that the path's job must be the token's. */
export interface Route {
  method: RegExp
  path: RegExp
  action: RouteAction
  credential: CredentialKind
  own?: true
  /** Said to the pod when the call is refused. */
  why?: string
}

/** A call that matched: its row, and the job that its path names, if it names one. */
export interface Match {
  route: Route
  jobId: string | undefined
}

const job = '/jobs/(?<job>[^/]+)'

/**
 * Every route of the Agent API that a job's buildkite-agent calls: answered here, spliced, forwarded or refused. The
 * first row that matches counts. Paths are below /v3. What upstream may add below /jobs, /builds, /steps and
 * /cache_registries is forwarded as well: subcommands come with minor releases of the agent.
 */
export const routes: readonly Route[] = [
  row('POST', '/register', 'register', 'register'),
  row('POST', '/connect', 'connect', 'session'),
  row('POST', '/disconnect', 'disconnect', 'session'),
  row('POST', '/heartbeat', 'heartbeat', 'session'),
  row('GET', '/ping', 'ping', 'session'),
  row('PUT', `${job}/acquire`, 'acquire', 'session', { own: true }),
  row('PUT', `${job}/accept`, 'refuse', 'session', {
    why: 'a pod agent acquires its job and accepts no other',
  }),
  row('PUT', `${job}/start`, 'start', 'job', { own: true }),
  row('POST', `${job}/chunks`, 'chunk', 'job', { own: true }),
  row('PUT', `${job}/finish`, 'finish', 'job', { own: true }),
  row('GET', job, 'state', 'job', { own: true }),
  row('POST', '/(stop|pause|resume)', 'refuse', 'job', {
    why: 'a job may not stop, pause or resume the agent that serves it',
  }),
  // Not forwarded in any other spelling or by another method: upstream's router may be more lenient than ours.
  row('.+', '/jobs/[^/]+/(acquire|accept|start|chunks|finish)(?![\\w-]).*', 'refuse', 'job', {
    why: 'this call has one form only',
  }),
  row('.+', '/(jobs|builds|steps|cache_registries)/.+', 'forward', 'job'),
]

/** The row for a call and the job in its path; undefined when there is none. `path` is below /v3, without a query. */
export function matchRoute(method: string, path: string): Match | undefined {
  // Upstream's router takes `/finish.json` for `/finish` (the agent escapes dots for that reason), so we do too.
  const plain = plainPath(path.replace(/\.[a-z]+$/i, ''))
  if (plain === undefined) return undefined
  for (const route of routes) {
    if (!route.method.test(method)) continue
    const match = route.path.exec(plain)
    if (match) return { route, jobId: match.groups?.['job'] }
  }
  return undefined
}

function row(
  method: string,
  path: string,
  action: RouteAction,
  credential: CredentialKind,
  more: { own?: true; why?: string } = {},
): Route {
  const methods = new RegExp(`^(?:${method})$`)
  return { method: methods, path: new RegExp(`^${path}$`), action, credential, ...more }
}

// The path without its escapes (the agent escapes ids, and `.` as %2E; agent: api/client.go). One that another router
// could read differently (an escaped slash, an empty or a dot segment) is none of an agent's.
function plainPath(path: string): string | undefined {
  try {
    const segments = path.split('/').map(decodeURIComponent)
    const odd = segments.slice(1).some(segment => /^\.{0,2}$|[/\\\0]/.test(segment))
    return odd ? undefined : segments.join('/')
  } catch {
    return undefined
  }
}
