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
  method: string
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
  row('.+', '/(jobs|builds|steps|cache_registries)/.+', 'forward', 'job'),
]

/** The row for a call and the job in its path; undefined when there is none. `path` is below /v3, without a query. */
export function matchRoute(method: string, path: string): Match | undefined {
  for (const route of routes) {
    if (!new RegExp(`^(?:${route.method})$`).test(method)) continue
    const match = route.path.exec(path)
    if (match) return { route, jobId: decoded(match.groups?.['job']) }
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
  return { method, path: new RegExp(`^${path}$`), action, credential, ...more }
}

// The agent escapes ids, and `.` as %2E (agent: api/client.go).
function decoded(segment: string | undefined): string | undefined {
  try {
    return segment === undefined ? undefined : decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
