import { resources, type ResourceName } from './resources.js'
import { badRequest } from './status.js'
import type { StoredObject } from './objects.js'

/** Whether an object is among those that were asked for. */
export type Match = (object: StoredObject) => boolean

/**
 * The test that a `labelSelector` and a `fieldSelector` mean together; both may be empty.
 * @throws Refusal (400) when one cannot be read, or names a field that the kind cannot be selected by.
 */
export function selector(
  resource: ResourceName,
  query: { labelSelector?: string; fieldSelector?: string },
): Match {
  const labels = labelRequirements(query.labelSelector ?? '')
  const fields = fieldRequirements(resource, query.fieldSelector ?? '')
  return object =>
    labels.every(requirement => requirement(object.metadata.labels ?? {})) &&
    fields.every(requirement => requirement(object))
}

type LabelRequirement = (labels: Record<string, string>) => boolean

/**
 * The requirements of a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, separated by commas.
 * @throws Refusal (400) when it cannot be read.
 */
export function labelRequirements(text: string): LabelRequirement[] {
  // A comma between parentheses belongs to a list of values.
  const parts = text.split(/,(?![^(]*\))/).map(part => part.trim())
  return parts.filter(part => part !== '').map(part => labelRequirement(part))
}

function labelRequirement(part: string): LabelRequirement {
  const set = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(part)
  if (set) {
    const [key = '', word, list = ''] = set.slice(1)
    const values = new Set(list.split(',').map(value => value.trim()))
    if (word === 'in') return labels => key in labels && values.has(labels[key] ?? '')
    return labels => !(key in labels) || !values.has(labels[key] ?? '')
  }
  const pair = /^([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)$/.exec(part)
  if (pair) {
    const [key = '', sign, value] = pair.slice(1)
    return sign === '!=' ? labels => labels[key] !== value : labels => labels[key] === value
  }
  const exists = /^(!?)\s*([^\s=!()]+)$/.exec(part)
  if (!exists) throw badRequest(`unable to parse requirement: ${part}`)
  const [not, key = ''] = exists.slice(1)
  return labels => key in labels === (not === '')
}

function fieldRequirements(resource: ResourceName, text: string): Match[] {
  const parts = text.split(',').filter(part => part.trim() !== '')
  return parts.map(part => fieldRequirement(resource, part.trim()))
}

function fieldRequirement(resource: ResourceName, part: string): Match {
  const pair = /^([^=!]+)(==|=|!=)(.*)$/.exec(part)
  if (!pair) throw badRequest(`invalid field selector: ${part}`)
  const [path = '', sign, value = ''] = pair.slice(1)
  const known = ['metadata.name', 'metadata.namespace', ...resources[resource].fields]
  if (!known.includes(path)) throw badRequest(`field label not supported: ${path}`)
  return object => (fieldOf(object, path) === value) === (sign !== '!=')
}

function fieldOf(object: StoredObject, path: string): string {
  let value: unknown = object
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key]
  return typeof value === 'string' ? value : ''
}
