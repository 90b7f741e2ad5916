import { hostname } from 'node:os'
import type { Clock } from '../../clock.js'
import { check } from '../../schemas.js'
import type { AgentJob } from '../../types/agent-job.js'
import type { AgentRegistration } from '../../types/agent-registration.js'
import { agentVersion } from '../../version.js'
import { ApiError, part, type AgentApi } from './api.js'
import type { ContainerInput } from './input.js'
import { retried, retryRules, type Attempt } from './retry.js'

/** The job is not to be had: another has it, or it is over. */
export class NotAcquired extends Error {}

/** Registers the agent with every field that the real one sends. */
export async function register(
  api: AgentApi,
  agent: ContainerInput,
  clock: Clock,
): Promise<AgentRegistration> {
  const tags = (agent.env['BUILDKITE_AGENT_TAGS'] ?? '').split(',').filter(tag => tag !== '')
  const fromPod = Object.entries(agent.env).flatMap(([name, value]) => {
    const key = /^BUILDKITE_K8S_(.+)$/.exec(name)?.[1]
    return key === undefined ? [] : [`k8s:${key.toLowerCase().replaceAll('_', '-')}=${value}`]
  })
  const json = {
    name: agent.env['BUILDKITE_AGENT_NAME'] ?? '',
    hostname: hostname(),
    os: `NAME="job-spawner sandbox on ${process.platform}"\n`,
    arch: process.arch === 'x64' ? 'amd64' : process.arch,
    script_eval_enabled: true,
    ignore_in_dispatches: true,
    version: agentVersion,
    build: 'sandbox',
    meta_data: [...tags, ...fromPod],
    pid: process.pid,
    features: ['acquire-job', 'control-plane-otlp-tracing'],
  }
  const call = () => api.json('POST', 'register', { json })
  const answer = await retried(retryRules.register, clock, call)
  const message = 'the answer to register is not understood'
  return check('agent-registration', answer, {
    code: 'UPSTREAM_INVALID',
    where: 'register',
    message,
  })
}

/** Acquires the job. @throws NotAcquired when it is not to be had (422). */
export async function acquire(session: AgentApi, id: string, clock: Clock): Promise<AgentJob> {
  const call = ({ tried, leftMs = 0 }: Attempt) => {
    const headers = {
      'x-buildkite-lock-acquire-job': '1',
      'x-buildkite-backoff-sequence': String(tried),
      'buildkite-timeout-milliseconds': String(Math.round(leftMs)),
    }
    return session.json('PUT', `jobs/${part(id)}/acquire`, { headers })
  }
  const answer = await retried(retryRules.acquire, clock, call).catch((error: unknown) => {
    const refused = error instanceof ApiError && error.status === 422
    throw refused ? new NotAcquired(error.message) : error
  })
  const message = 'the acquired job is not understood'
  return check('agent-job', answer, { code: 'UPSTREAM_INVALID', where: 'acquire', message })
}

/** Heartbeats from one interval after connect until the end; a final answer to one stops the agent. */
export async function beat(options: {
  session: AgentApi
  clock: Clock
  registration: AgentRegistration
  over: AbortSignal
  lost: AbortController
}): Promise<void> {
  const { session, clock, registration, over, lost } = options
  while (!over.aborted && !lost.signal.aborted) {
    await clock.sleep(registration.heartbeat_interval * 1000, over).catch(() => {})
    if (over.aborted) return
    const json = { sent_at: new Date(clock.now()).toISOString() }
    const call = () => session.json('POST', 'heartbeat', { json })
    await retried(retryRules.heartbeat, clock, call, over).catch((error: unknown) => {
      if (error instanceof ApiError && retryRules.heartbeat.isFinal(error)) lost.abort()
    })
  }
}
