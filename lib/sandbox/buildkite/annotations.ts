import { answer, refusal, type ApiResponse, type JobCall, type Route } from './exchange.js'
import { checkedBody } from './json-call.js'
import { buildOf } from './meta-data.js'

/** Annotations of builds and jobs. */
export const annotationRoutes: Route[] = [
  { method: 'POST', path: '/jobs/:job/annotations', token: 'job', handle: annotate },
  { method: 'DELETE', path: '/jobs/:job/annotations/:context', token: 'job', handle: remove },
]

const largestBody = 1_048_576
const noJob = refusal(404, 'No such job')

function annotate(call: JobCall): ApiResponse {
  const build = buildOf(call)
  if (!build) return noJob
  const checked = checkedBody(call, {
    body: 'string?',
    context: 'string?',
    style: 'string?',
    append: 'boolean?',
    priority: 'integer?',
    scope: 'string?',
  })
  if ('wrong' in checked) return checked.wrong
  const { body = '', context = 'default', style, append, priority, scope = 'build' } = checked.body
  const key = annotationKey(String(scope), String(context))
  const before = build.annotations.get(key)
  const text = append === true && before ? before.body + String(body) : String(body)
  if (Buffer.byteLength(text) > largestBody)
    return refusal(422, 'The annotation body must be less than 1 MB')
  build.annotations.set(key, {
    context: String(context),
    scope: String(scope),
    style: typeof style === 'string' ? style : (before?.style ?? 'default'),
    body: text,
    priority: typeof priority === 'number' ? priority : (before?.priority ?? 3),
  })
  call.world.emit('change')
  return answer({}, 201)
}

function remove(call: JobCall): ApiResponse {
  const build = buildOf(call)
  if (!build) return noJob
  const scope = call.request.query.get('scope') || 'build'
  const gone = build.annotations.delete(annotationKey(scope, call.params['context'] ?? ''))
  return gone ? answer() : refusal(404, 'No such annotation')
}

function annotationKey(scope: string, context: string): string {
  return `${scope}/${context}`
}
