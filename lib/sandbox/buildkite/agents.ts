import { randomUUID } from 'node:crypto'
import { fitsAgent } from './builds.js'
import {
  answer,
  refusal,
  type ApiResponse,
  type Call,
  type Route,
  type SessionCall,
} from './exchange.js'
import { checkedBody } from './json-call.js'
import type { Fields } from './fields.js'
import type { AgentRecord, JobRecord } from './records.js'
import type { World } from './world.js'

/** Registration, connection, heartbeats and pings. */
export const agentRoutes: Route[] = [
  { method: 'POST', path: '/register', token: 'registration', handle: register },
  { method: 'GET', path: '/token', token: 'registration', handle: describeToken },
  { method: 'POST', path: '/connect', token: 'session', unconnected: true, handle: connect },
  { method: 'POST', path: '/disconnect', token: 'session', handle: disconnect },
  { method: 'POST', path: '/heartbeat', token: 'session', handle: heartbeat },
  { method: 'GET', path: '/ping', token: 'session', handle: ping },
]

const registerFields: Fields = {
  name: 'string',
  hostname: 'string',
  os: 'string',
  arch: 'string',
  script_eval_enabled: 'boolean',
  ignore_in_dispatches: 'boolean',
  priority: 'string?',
  version: 'string',
  build: 'string',
  meta_data: 'strings',
  pid: 'integer?',
  machine_id: 'string?',
  features: 'strings',
}

function register(call: Call): ApiResponse {
  const { world } = call
  const checked = checkedBody(call, registerFields)
  if ('wrong' in checked) return checked.wrong
  const limit = world.settings.agentLimit
  const living = [...world.agents.values()].filter(isLiving)
  if (living.length >= limit) {
    return refusal(422, `Your organization has reached its limit of ${limit} connected agents`)
  }
  const agent = newAgent(world, checked.body)
  world.agents.set(agent.id, agent)
  world.emit('change')
  return answer(registration(world, agent))
}

function isLiving(agent: AgentRecord): boolean {
  return agent.state === 'registered' || agent.state === 'connected'
}

function newAgent(world: World, body: Record<string, unknown>): AgentRecord {
  return {
    id: randomUUID(),
    name: (body['name'] as string) || `agent-${world.agents.size + 1}`,
    tags: body['meta_data'] as string[],
    state: 'registered',
    ignoreInDispatches: body['ignore_in_dispatches'] as boolean,
    version: body['version'] as string,
    registeredAt: world.clock.now(),
  }
}

function registration(world: World, agent: AgentRecord): Record<string, unknown> {
  const { intervals, requestHeaders } = world.settings
  return {
    id: agent.id,
    name: agent.name,
    access_token: world.issueToken({ kind: 'session', agent }),
    endpoint: '',
    request_headers: requestHeaders,
    ping_interval: intervals.ping,
    job_status_interval: intervals.jobStatus,
    heartbeat_interval: intervals.heartbeat,
    meta_data: agent.tags,
  }
}

function describeToken({ world }: Call): ApiResponse {
  const { organization, defaultQueue } = world.settings
  return answer({
    uuid: '00000000-0000-4000-8000-000000000001',
    description: 'The token of the sandbox',
    token_type: 'cluster',
    organization_slug: organization,
    organization_uuid: '00000000-0000-4000-8000-000000000002',
    cluster_uuid: '00000000-0000-4000-8000-000000000003',
    cluster_name: 'sandbox',
    organization_queue_uuid: '00000000-0000-4000-8000-000000000004',
    organization_queue_key: defaultQueue,
  })
}

function connect({ world, agent }: SessionCall): ApiResponse {
  agent.state = 'connected'
  agent.connectedAt ??= world.clock.now()
  world.emit('change')
  return answer({ id: agent.id, connection_state: 'connected' })
}

function disconnect({ world, agent }: SessionCall): ApiResponse {
  const { job } = agent
  if (job && job.state !== 'assigned') {
    world.violation(`POST /disconnect: ${agent.name} has not finished job ${job.id} (${job.state})`)
  }
  world.leave(agent, 'agentDisconnected')
  return answer({ connection_state: 'disconnected' })
}

function heartbeat(call: SessionCall): ApiResponse {
  const checked = checkedBody(call, { sent_at: 'time', received_at: 'string?' })
  if ('wrong' in checked) return checked.wrong
  const now = call.world.clock.now()
  call.agent.lastHeartbeat = now
  call.world.emit('change')
  return answer({ sent_at: checked.body['sent_at'], received_at: new Date(now).toISOString() })
}

function ping({ world, agent }: SessionCall): ApiResponse {
  if (agent.action === 'pause') return answer({ action: 'pause', message: 'The agent is paused' })
  if (agent.action === 'disconnect' && !agent.job) {
    return answer({ action: 'disconnect', message: 'The agent was stopped' })
  }
  const job = agent.job ?? nextJob(world, agent)
  if (!job) return answer()
  if (!agent.job) world.assign(job, agent)
  return answer({ job: { id: job.id, state: job.state } })
}

function nextJob(world: World, agent: AgentRecord): JobRecord | undefined {
  if (agent.ignoreInDispatches) return undefined
  for (const job of world.jobs.values()) {
    const rules = job.step.step.agents ?? []
    if (job.state === 'scheduled' && fitsAgent(rules, agent.tags, world.settings.defaultQueue))
      return job
  }
  return undefined
}
