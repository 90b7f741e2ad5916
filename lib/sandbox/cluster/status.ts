import { apiVersion, qualifiedName, resources, type ResourceName } from './resources.js'

/** A `metav1.Status`: how the Kubernetes API says that a request failed (or, for a delete, that it is done). */
export interface Status {
  kind: 'Status'
  apiVersion: 'v1'
  metadata: object
  status: 'Failure' | 'Success'
  message?: string
  reason?: string
  details?: object
  code: number
}

/** One thing that is wrong with an object: `spec.template.spec.containers[0].image`, and why. */
export interface Cause {
  reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueDuplicate' | 'FieldValueNotFound'
  message: string
  field: string
}

/** A request that the API refuses. It is the API's answer, not a fault of ours: it carries the body to send. */
export class Refusal extends Error {
  readonly body: Status
  readonly headers: Record<string, string>

  constructor(body: Status, headers: Record<string, string> = {}) {
    super(body.message ?? body.reason ?? 'refused')
    this.body = body
    this.headers = headers
  }
}

const reasons: Record<number, string> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** The body of a failure; the reason is the usual one of the code when none is given. */
export function failure(
  code: number,
  message: string,
  more: { reason?: string; details?: object } = {},
): Status {
  const { reason = reasons[code] ?? 'Unknown', details = {} } = more
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  }
}

/** The body of a finished delete. */
export function deleted(resource: ResourceName, name: string, uid: string): Status {
  const details = { ...detailsOf(resource, name), uid }
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 }
}

/** 404: no such object. */
export function notFound(resource: ResourceName, name: string): Refusal {
  const message = `${qualifiedName(resource)} "${name}" not found`
  return new Refusal(failure(404, message, { details: detailsOf(resource, name) }))
}

/** 409: an object of that name is there already. */
export function alreadyExists(resource: ResourceName, name: string): Refusal {
  const message = `${qualifiedName(resource)} "${name}" already exists`
  const details = detailsOf(resource, name)
  return new Refusal(failure(409, message, { reason: 'AlreadyExists', details }))
}

/** 409: the object has changed since it was read, or a precondition does not hold. */
export function conflict(resource: ResourceName, name: string, why: string): Refusal {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`
  return new Refusal(failure(409, message, { details: detailsOf(resource, name) }))
}

/** 422: the object is not valid, and where. */
export function invalid(resource: ResourceName, name: string, causes: Cause[]): Refusal {
  const { group, kind } = resources[resource]
  const lines = causes.map(cause => `${cause.field}: ${cause.message}`)
  const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const message = `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${list}`
  return new Refusal(failure(422, message, { details: { name, group, kind, causes } }))
}

/** 400: the request cannot be read. */
export function badRequest(message: string): Refusal {
  return new Refusal(failure(400, message))
}

/** 410: the history does not reach back that far. */
export function expired(found: number, oldest: number): Status {
  return failure(410, `too old resource version: ${found} (${oldest})`)
}

/** The object without `apiVersion` and `kind` is told apart from others by these. */
export function typeOf(resource: ResourceName): { apiVersion: string; kind: string } {
  return { apiVersion: apiVersion(resource), kind: resources[resource].kind }
}

function detailsOf(resource: ResourceName, name: string): object {
  const { group } = resources[resource]
  return group === '' ? { name, kind: resource } : { name, group, kind: resource }
}
