import { jsonBody, violation, type ApiResponse, type Call } from './exchange.js'
import { complaints, type Fields } from './fields.js'

/** The body of a call, or the answer to a body that is wrong. */
export type CheckedBody = { body: Record<string, unknown> } | { wrong: ApiResponse }

/** The JSON body with exactly these fields. What else comes is a violation, and answered 422. */
export function checkedBody(call: Call, fields: Fields): CheckedBody {
  const type = call.request.headers['content-type'] ?? 'none'
  if (!/^application\/json\b/.test(type)) {
    return { wrong: violation(call, 422, 'Content-Type must be application/json') }
  }
  const body = jsonBody(call.request)
  if (!body) return { wrong: violation(call, 422, 'the body must be a JSON object') }
  const wrong = complaints(body, fields)
  if (wrong.length > 0) return { wrong: violation(call, 422, wrong.join(', ')) }
  return { body }
}
