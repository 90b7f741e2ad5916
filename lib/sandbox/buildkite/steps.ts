import { randomUUID } from 'node:crypto'
import { buildState, currentJobs, stepOutcome } from './builds.js'
import { answer, refusal, type ApiResponse, type JobCall, type Route } from './exchange.js'
import { checkedBody } from './json-call.js'
import type { CommandStepRecord } from './records.js'

/** Steps and builds, as `buildkite-agent step …` and `build cancel` use them. */
export const stepRoutes: Route[] = [
  { method: 'POST', path: '/steps/:step/export', token: 'job', handle: exportStep },
  { method: 'PUT', path: '/steps/:step', token: 'job', handle: update },
  { method: 'POST', path: '/steps/:step/cancel', token: 'job', handle: cancelStep },
  { method: 'POST', path: '/builds/:build/cancel', token: 'job', handle: cancelBuild },
]

const noStep = refusal(404, 'No such step')

function exportStep(call: JobCall): ApiResponse {
  const checked = checkedBody(call, {
    attribute: 'string?',
    build_id: 'string?',
    format: 'string?',
  })
  if ('wrong' in checked) return checked.wrong
  const record = stepOf(call, checked.body['build_id'])
  if (!record) return noStep
  const attributes = stepAttributes(record)
  const { attribute, format } = checked.body
  if (attribute === undefined) return answer({ output: JSON.stringify(attributes) })
  const value = attributes[attribute as string]
  if (value === undefined) return refusal(422, 'A step has no such attribute')
  const isText = typeof value === 'string' && format !== 'json'
  return answer({ output: isText ? value : JSON.stringify(value) })
}

function stepAttributes(record: CommandStepRecord): Record<string, unknown> {
  const { id, step } = record
  const states = currentJobs(record).map(job => job.state)
  const waits = states.every(state => state === 'pending' || state === 'scheduled')
  const outcome = stepOutcome(record)
  return {
    id,
    type: 'command',
    key: step.key ?? '',
    label: step.label ?? '',
    command: step.command,
    depends_on: (step.dependsOn ?? []).map(one => one.step),
    state: outcome === 'neutral' ? (waits ? 'ready' : 'running') : 'finished',
    outcome,
    ...Object.fromEntries(record.attributes),
  }
}

function update(call: JobCall): ApiResponse {
  const checked = checkedBody(call, {
    idempotency_uuid: 'string?',
    build_id: 'string?',
    attribute: 'string?',
    value: 'string?',
    append: 'boolean?',
  })
  if ('wrong' in checked) return checked.wrong
  const { attribute, value = '', append, idempotency_uuid: once = randomUUID() } = checked.body
  const record = stepOf(call, checked.body['build_id'])
  if (!record) return noStep
  if (typeof attribute !== 'string') return refusal(422, 'no attribute to update')
  if (record.updates.has(String(once))) return answer()
  record.updates.add(String(once))
  const old = stepAttributes(record)[attribute]
  const before = append === true && typeof old === 'string' ? old : ''
  record.attributes.set(attribute, before + String(value))
  return answer()
}

function cancelStep(call: JobCall): ApiResponse {
  const checked = checkedBody(call, {
    build_id: 'string',
    force: 'boolean',
    force_grace_period: 'integer',
  })
  if ('wrong' in checked) return checked.wrong
  const record = stepOf(call, checked.body['build_id'])
  if (!record) return noStep
  for (const job of record.jobs) call.world.cancel(job)
  return answer({ uuid: record.id })
}

function cancelBuild({ world, params }: JobCall): ApiResponse {
  const build = world.builds.get(params['build'] ?? '')
  if (!build) return refusal(404, 'No such build')
  if (['passed', 'failed', 'canceled'].includes(buildState(build))) {
    return refusal(422, 'The build is over')
  }
  world.cancelBuild(build)
  return answer({ uuid: build.id })
}

function stepOf(
  { world, params, caller }: JobCall,
  buildId: unknown,
): CommandStepRecord | undefined {
  const build = world.builds.get(String(buildId)) ?? caller.build
  const found = build.steps.find(
    ({ id, step }) => id === params['step'] || step.key === params['step'],
  )
  return found?.step.kind === 'command' ? (found as CommandStepRecord) : undefined
}
