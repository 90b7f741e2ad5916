import {
  answer,
  holdsJob,
  refusal,
  violation,
  type ApiResponse,
  type JobCall,
  type Route,
  type SessionCall,
} from './exchange.js'
import type { Fields } from './fields.js'
import { jobPayload } from './job-payload.js'
import { checkedBody } from './json-call.js'
import { isOver, isUnderWay } from './lifecycle.js'
import { tilingComplaints } from './log-assembly.js'
import type { JobRecord } from './records.js'

/** A job's way from an agent's hands to its end. */
export const jobRoutes: Route[] = [
  { method: 'PUT', path: '/jobs/:job/accept', token: 'session', handle: accept },
  { method: 'PUT', path: '/jobs/:job/acquire', token: 'session', handle: acquire },
  { method: 'PUT', path: '/jobs/:job/start', token: 'job', own: true, late: true, handle: start },
  { method: 'GET', path: '/jobs/:job', token: 'job', own: true, handle: state },
  { method: 'PUT', path: '/jobs/:job', token: 'job', own: true, handle: update },
  {
    method: 'PUT',
    path: '/jobs/:job/promise_failure',
    token: 'job',
    own: true,
    handle: promiseFailure,
  },
  {
    method: 'POST',
    path: '/jobs/:job/header_times',
    token: 'job',
    own: true,
    handle: () => answer(),
  },
  { method: 'PUT', path: '/jobs/:job/finish', token: 'job', own: true, late: true, handle: finish },
]

function accept(call: SessionCall): ApiResponse {
  const { world, agent, params } = call
  const job = world.jobs.get(params['job'] ?? '')
  if (!job) return violation(call, 404, 'no such job')
  if (job.state === 'assigned' && job.agent === agent) {
    world.move(job, 'accepted')
    return handedOver(call, job)
  }
  const message = `Job ${job.id} is ${job.state} and cannot be accepted by this agent`
  const hadIt = job.agent === agent || job.formerAgents.includes(agent)
  if (!hadIt) return violation(call, 422, `${message}, which it was never assigned to`)
  const tooLate = job.formerAgents.includes(agent) && !isOver(job.state)
  return tooLate ? violation(call, 422, `${message}: accept came too late`) : refusal(422, message)
}

function acquire(call: SessionCall): ApiResponse {
  const { world, agent, params, request } = call
  const job = world.jobs.get(params['job'] ?? '')
  if (!job) return refusal(404, 'no such job')
  if (request.headers['x-buildkite-lock-acquire-job'] !== '1') {
    return violation(call, 422, 'no header X-Buildkite-Lock-Acquire-Job: 1')
  }
  if (agent.job) return violation(call, 422, `the agent has job ${agent.job.id} already`)
  if (job.state === 'pending') return refusal(423, `Job ${job.id} waits for other jobs`)
  if (job.state !== 'scheduled') {
    return refusal(422, `Job ${job.id} is no longer eligible to be assigned an agent`)
  }
  job.agent = agent
  agent.job = job
  world.move(job, 'acquired')
  return handedOver(call, job)
}

function handedOver({ world, agent }: SessionCall, job: JobRecord): ApiResponse {
  job.token = world.issueToken({ kind: 'job', agent, job })
  return answer(jobPayload(job, agent, world.settings))
}

function start(call: JobCall): ApiResponse {
  const { world, caller: job } = call
  const checked = checkedBody(call, { started_at: 'time' })
  if ('wrong' in checked) return checked.wrong
  const isCurrent = holdsJob(call)
  if (isCurrent && world.move(job, 'started')) return answer({ state: job.state })
  const message = `Job ${job.id} is ${job.state} and cannot be started`
  if (!isCurrent) return violation(call, 422, `${message}: start came too late`)
  // A start may be sent again when its answer was lost, and may cross a cancelation.
  return refusal(422, message)
}

function state({ caller }: JobCall): ApiResponse {
  return answer({ state: caller.state })
}

function update(call: JobCall): ApiResponse {
  const checked = checkedBody(call, { timeout: 'string?', priority: 'string?' })
  if ('wrong' in checked) return checked.wrong
  const minutes = checked.body['timeout']
  if (typeof minutes === 'string') {
    if (!/^\d+$/.test(minutes)) return refusal(422, 'timeout must be a number of minutes')
    call.caller.timeoutMs = Number(minutes) * 60_000
  }
  return answer({ id: call.caller.id })
}

function promiseFailure(call: JobCall): ApiResponse {
  const checked = checkedBody(call, { exit_status: 'integer', reason: 'string?' })
  if ('wrong' in checked) return checked.wrong
  const { caller: job } = call
  const status = checked.body['exit_status'] as number
  if (!isUnderWay(job.state)) return refusal(422, `Job ${job.id} is not running`)
  if ((job.promisedExitStatus ?? status) !== status) {
    return refusal(409, 'another exit status has been promised')
  }
  job.promisedExitStatus = status
  return { status: 204 }
}

const finishFields: Fields = {
  exit_status: 'number-string',
  signal: 'string?',
  signal_reason: 'string?',
  finished_at: 'time',
  chunks_failed_count: 'integer',
  ignore_agent_in_dispatches: 'boolean?',
}

const signalReasons: unknown[] = [
  'agent_refused',
  'agent_stop',
  'cancel',
  'signature_rejected',
  'process_run_error',
  'stack_error',
  'agent_incompatible',
  undefined,
]

function finish(call: JobCall): ApiResponse {
  const { world, caller: job, request } = call
  job.finishCount += 1
  const refused = finishRefusal(call)
  if (refused) return refused
  const checked = checkedBody(call, finishFields)
  if ('wrong' in checked) return checked.wrong
  const { body } = checked
  if (!signalReasons.includes(body['signal_reason'])) {
    return violation(call, 422, 'signal_reason is none of those that Buildkite knows')
  }
  job.finishBody = request.body.toString('utf8')
  job.exitStatus = Number(body['exit_status'])
  job.signal = body['signal'] as string | undefined
  job.signalReason = body['signal_reason'] as string | undefined
  job.chunksFailedCount = body['chunks_failed_count'] as number
  for (const complaint of tilingComplaints(job.log.chunks.values(), job.chunksFailedCount)) {
    world.violation(`PUT ${request.path}: ${complaint}`)
  }
  if (body['ignore_agent_in_dispatches'] === true) call.agent.ignoreInDispatches = true
  world.move(job, 'finished')
  return answer({ state: job.state })
}

function finishRefusal(call: JobCall): ApiResponse | undefined {
  const { caller: job, request } = call
  if (isUnderWay(job.state) && holdsJob(call)) return undefined
  const message = `Job ${job.id} is ${job.state} and cannot be finished`
  if (job.finishBody !== undefined) {
    // The answer to the first may have been lost: the same body again is a retry, another one a second finish.
    const isRetry = job.finishBody === request.body.toString('utf8')
    return isRetry ? refusal(422, message) : violation(call, 422, `${message} again`)
  }
  const lost = isOver(job.state) || !holdsJob(call)
  return lost ? refusal(401, 'Invalid access token') : violation(call, 422, message)
}
