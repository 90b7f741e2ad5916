import { apiVersion, isResourceName, resources, type ResourceName } from './resources.js'

/** What a path means: an object or a list of a kind, or one of the API's own pages. */
export type Target =
  | { page: 'version' }
  | { page: 'health' }
  | { page: 'token-reviews' }
  | {
      page: 'objects'
      resource: ResourceName
      namespace: string | undefined
      name: string | undefined
      subresource: string | undefined
    }

/** The meaning of a path, or undefined when the embedded API has nothing there. */
export function target(path: string): Target | undefined {
  const parts = path.split('/').filter(part => part !== '')
  const [first] = parts
  if (parts.length === 1 && first === 'version') return { page: 'version' }
  if (parts.length === 1 && ['readyz', 'livez', 'healthz'].includes(first ?? '')) {
    return { page: 'health' }
  }
  const core = first === 'api'
  if (!core && first !== 'apis') return undefined
  const version = core ? parts[1] : parts.slice(1, 3).join('/')
  const rest = parts.slice(core ? 2 : 3).map(part => decodeURIComponent(part))
  if (version === 'authentication.k8s.io/v1' && rest.join('/') === 'tokenreviews') {
    return { page: 'token-reviews' }
  }
  return objects(version ?? '', rest)
}

function objects(version: string, rest: string[]): Target | undefined {
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2
  const namespace = inNamespace ? rest[1] : undefined
  const [resource, name, subresource, ...more] = inNamespace ? rest.slice(2) : rest
  if (resource === undefined || more.length > 0 || !isResourceName(resource)) return undefined
  if (apiVersion(resource) !== version) return undefined
  if (resources[resource].namespaced !== inNamespace && (inNamespace || name !== undefined)) {
    return undefined
  }
  return { page: 'objects', resource, namespace, name, subresource }
}
