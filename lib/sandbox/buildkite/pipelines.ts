import { isProblem, problemText } from '../../errors.js'
import { addUploadedSteps } from './add-steps.js'
import { answer, refusal, type ApiResponse, type JobCall, type Route } from './exchange.js'
import { checkedBody } from './json-call.js'
import { isUnderWay } from './lifecycle.js'
import type { UploadRecord } from './records.js'
import { runnablePipeline } from './runnable.js'

/** Pipeline uploads, which add steps to the build after the step that uploads. */
export const pipelineRoutes: Route[] = [
  { method: 'POST', path: '/jobs/:job/pipelines', token: 'job', own: true, handle: upload },
  { method: 'GET', path: '/jobs/:job/pipelines/:uuid', token: 'job', own: true, handle: status },
]

function upload(call: JobCall): ApiResponse {
  const { caller: job, request } = call
  const checked = checkedBody(call, { uuid: 'string', pipeline: 'object', replace: 'boolean?' })
  if ('wrong' in checked) return checked.wrong
  if (!isUnderWay(job.state)) return refusal(422, `Job ${job.id} is not running`)
  const uuid = checked.body['uuid'] as string
  const known = job.build.uploads.get(uuid)
  const result = known ?? apply(call, checked.body)
  job.build.uploads.set(uuid, result)
  if (request.query.get('async') !== 'true') {
    return result.state === 'applied' ? answer() : refusal(422, result.message)
  }
  const location = `${new URL(call.world.settings.publicUrl).origin}/v3/jobs/${job.id}/pipelines/${uuid}`
  return { status: 202, headers: { location, 'retry-after': '0' }, body: {} }
}

function apply({ world, caller: job }: JobCall, body: Record<string, unknown>): UploadRecord {
  try {
    const pipeline = runnablePipeline(body['pipeline'] as object, 'the uploaded pipeline')
    const replace = body['replace'] === true
    addUploadedSteps(world, { build: job.build, after: job.step, pipeline, replace })
    return { state: 'applied', message: '' }
  } catch (error) {
    if (!isProblem(error, 'PIPELINE_FILE')) throw error
    return { state: 'rejected', message: problemText(error) }
  }
}

function status({ caller, params }: JobCall): ApiResponse {
  const found = caller.build.uploads.get(params['uuid'] ?? '')
  return found ? answer(found) : refusal(404, 'No such pipeline upload')
}
