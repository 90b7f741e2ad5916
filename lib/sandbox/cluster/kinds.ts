import type { JobObject, PodObject, PodSpec, StoredObject } from './objects.js'
import type { ResourceName } from './resources.js'
import { badRequest, type Cause } from './status.js'
import type { Draft } from './storage.js'
import {
  eventCauses,
  jobCauses,
  labelCauses,
  nameCauses,
  podCauses,
  secretCauses,
} from './validate.js'

// What the API server knows of each kind beyond that it is an object: what it refuses, and what it adds.

const microTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/

/** A replace must say which version it replaces, for kinds with `versionNeeded`. */
export const noVersion: Cause = {
  reason: 'FieldValueInvalid',
  field: 'metadata.resourceVersion',
  message: 'Invalid value: 0: must be specified for an update',
}

/** Nothing, unless a Lease has a time that the API server can't read: six digits after the point. @throws Refusal (400). */
export function checkTimes(resource: ResourceName, body: Partial<StoredObject>): void {
  if (resource !== 'leases') return
  const { acquireTime, renewTime } = (body['spec'] ?? {}) as Record<string, unknown>
  for (const time of [acquireTime, renewTime]) {
    if (time === undefined || time === null) continue
    const text = typeof time === 'string' ? time : JSON.stringify(time)
    if (microTime.test(text)) continue
    throw badRequest(
      `Lease in version "v1" cannot be handled as a Lease: parsing time "${text}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse`,
    )
  }
}

/** What is wrong with an object that is to be made, or to be put in the place of one. */
export function causesOf(resource: ResourceName, body: Partial<StoredObject>) {
  if (resource === 'jobs') return jobCauses(body)
  const { name, labels } = body.metadata ?? {}
  const own = [
    ...nameCauses(name, resource === 'namespaces' ? 63 : 253),
    ...labelCauses(labels, 'metadata.labels'),
  ]
  if (resource === 'pods')
    return [...own, ...podCauses((body as Partial<PodObject>).spec ?? {}, 'spec')]
  if (resource === 'podtemplates') {
    const { spec } = (body as { template?: { spec?: Partial<PodSpec> } }).template ?? {}
    return [...own, ...podCauses(spec ?? {}, 'template.spec')]
  }
  if (resource === 'secrets') return [...own, ...secretCauses(secretData(body))]
  if (resource === 'events') return [...own, ...eventCauses(body)]
  return own
}

/** The object with what the API server adds to one of its kind. */
export function defaulted(resource: ResourceName, draft: Draft): Draft {
  if (resource === 'secrets') {
    const { stringData: _, ...rest } = draft
    return { ...rest, type: draft['type'] ?? 'Opaque', data: secretData(draft) }
  }
  if (resource === 'namespaces') return { ...draft, status: { phase: 'Active' } }
  if (resource === 'persistentvolumeclaims') return { ...draft, status: { phase: 'Pending' } }
  if (resource === 'pods') return { ...draft, status: { phase: 'Pending' } }
  if (resource !== 'jobs') return draft
  const spec = draft['spec'] as JobObject['spec']
  return {
    ...draft,
    spec: { parallelism: 1, completions: 1, backoffLimit: 6, ...spec },
    status: {},
  }
}

function secretData(body: { [field: string]: unknown }): Record<string, string> {
  const plain = Object.entries((body['stringData'] ?? {}) as Record<string, string>)
  const encoded = plain.map(([key, text]) => [key, Buffer.from(text).toString('base64')])
  return { ...(body['data'] as object | undefined), ...Object.fromEntries(encoded) } as Record<
    string,
    string
  >
}
