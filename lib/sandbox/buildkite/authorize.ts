import { refusal, violation, type ApiResponse, type Call, type Route } from './exchange.js'
import { isOver } from './lifecycle.js'
import type { Holder } from './world.js'

/**
 * Answers a call on a route after the checks that all routes share: the token is there, of the kind that the route
 * wants and alive, the agent is connected, the headers that the server asked for come along, and a job token is used
 * for its own job where it must be.
 */
export function authorized(route: Route, call: Call): ApiResponse | Promise<ApiResponse> {
  if (route.token === 'none') return route.handle(call)
  const found = holderOf(call, route)
  if ('status' in found) return found
  if (found.kind !== route.token) {
    return violation(
      call,
      401,
      `a ${found.kind} token on a route that wants a ${route.token} token`,
    )
  }
  if (route.token === 'registration' || found.kind === 'registration') {
    return route.token === 'registration'
      ? route.handle(call)
      : refusal(401, 'Invalid access token')
  }
  refuseMissingHeaders(call)
  const dead = deadAgent(call, found, route)
  if (dead) return dead
  if (route.token === 'session') return route.handle({ ...call, agent: found.agent })
  if (found.kind !== 'job') return refusal(401, 'Invalid access token')
  return (
    deadJob(call, found, route) ?? route.handle({ ...call, agent: found.agent, caller: found.job })
  )
}

function holderOf(call: Call, route: Route): Holder | ApiResponse {
  const [, token] = /^Token (\S+)$/.exec(call.request.headers.authorization ?? '') ?? []
  if (token === undefined) return violation(call, 401, 'no header Authorization: Token …')
  const holder = call.world.holders.get(token)
  if (holder) return holder
  // An operator may configure a wrong registration token; no one can honestly come by a wrong token of the other kinds.
  const message = 'Invalid access token'
  return route.token === 'registration' ? refusal(401, message) : violation(call, 401, message)
}

function refuseMissingHeaders(call: Call): void {
  for (const [name, value] of Object.entries(call.world.settings.requestHeaders)) {
    if (call.request.headers[name.toLowerCase()] === value) continue
    call.world.violation(
      `${call.request.method} ${call.request.path}: without the header ${name} that register asked for`,
    )
  }
}

type AgentHolder = Exclude<Holder, { kind: 'registration' }>

function deadAgent(
  call: Call,
  { agent, kind }: AgentHolder,
  route: Route,
): ApiResponse | undefined {
  if (agent.state === 'lost')
    return kind === 'session' ? refusal(401, 'Invalid access token') : undefined
  if (kind === 'job') return undefined
  if (agent.state === 'disconnected') {
    return violation(call, 401, 'a session token after disconnect')
  }
  const early = agent.state === 'registered' && !(route.token === 'session' && route.unconnected)
  return early ? violation(call, 422, 'a call before connect') : undefined
}

function deadJob(
  call: Call,
  { job }: Extract<Holder, { kind: 'job' }>,
  route: Extract<Route, { token: 'job' }>,
): ApiResponse | undefined {
  const named = call.params['job']
  if (route.own && named !== job.id) return violation(call, 403, 'the job token of another job')
  if (route.late) return undefined
  const isCurrent = call.request.headers.authorization === `Token ${job.token}`
  if (isCurrent && !isOver(job.state)) return undefined
  // The state poll and the finish of an agent may cross: a poll that comes late is no fault.
  const innocent = route.method === 'GET' || job.finishCount === 0
  return innocent
    ? refusal(401, 'Invalid access token')
    : violation(call, 401, 'a job token after finish')
}
