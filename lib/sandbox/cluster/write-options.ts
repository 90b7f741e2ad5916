import { unknownFields } from '../../schemas.js'
import type { StoredObject } from './objects.js'
import { resources, type ResourceName } from './resources.js'
import { badRequest } from './status.js'

/** Whether a write is to be checked and not done. @throws Refusal (400). */
export function isDryRun(query: URLSearchParams): boolean {
  const asked = query.getAll('dryRun').filter(word => word !== '')
  if (asked.every(word => word === 'All')) return asked.length > 0
  throw badRequest(`dryRun: Unsupported value: "${asked.join(',')}": supported values: "All"`)
}

/** For writes of which there is no dry run here: better than to do what the caller believes is not done. @throws Refusal. */
export function refuseDryRun(query: URLSearchParams): void {
  if (isDryRun(query)) throw badRequest('the embedded API knows dry runs of creations only')
}

/** Whether fields that the API does not know are to be refused. */
export function isStrict(query: URLSearchParams): boolean {
  return query.get('fieldValidation') === 'Strict'
}

// Where the podSpec of a kind is: of the rest of an object no field is looked at.
const podSpecAt: Partial<Record<ResourceName, readonly string[]>> = {
  jobs: ['spec', 'template', 'spec'],
  pods: ['spec'],
  podtemplates: ['template', 'spec'],
}

/**
 * What the API server does with `fieldValidation=Strict`: fields of a podSpec that it does not know are refused.
 * @throws Refusal (400) in its words.
 */
export function refuseUnknownFields(resource: ResourceName, body: Partial<StoredObject>): void {
  const at = podSpecAt[resource]
  if (!at) return
  const podSpec = at.reduce(
    (value, key) => (value as Record<string, unknown>)?.[key],
    body as unknown,
  )
  const words = unknownFields(podSpec, 'PodSpec').map(
    ({ path, key }) => `unknown field "${pathText([...at, ...path, key])}"`,
  )
  if (words.length === 0) return
  const { kind, version } = resources[resource]
  throw badRequest(
    `${kind} in version "${version}" cannot be handled as a ${kind}: strict decoding error: ${words.join(', ')}`,
  )
}

function pathText(path: readonly (string | number)[]): string {
  return path
    .map(part => (typeof part === 'number' ? `[${part}]` : `.${part}`))
    .join('')
    .slice(1)
}
