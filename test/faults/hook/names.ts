/** The three that a process speaks with: whom it sends requests to, and whose requests it answers. */
export type Peer = 'upstream' | 'kubernetes' | 'gateway'

/** Something that a process does and others see, by name: the same thing with other ids has the same name. */
export interface Effect {
  name: string
  /** Whether it changes something: a read that is lost has changed nothing. */
  writes: boolean
}

/**
 * The name of a request, or of an answer of the gateway's: `upstream PUT /jobs/:id/accept`, `kubernetes WATCH pods`,
 * `gateway POST /register`. Names of objects and ids are left out, kinds are kept.
 */
export function effectOf(peer: Peer, method: string, target: string): Effect {
  const [path = '/', query = ''] = target.split('?', 2)
  if (peer === 'kubernetes') return kubernetesEffect(method, path, new URLSearchParams(query))
  const plain = path
    .replace(/^\/v3(?=\/)/, '')
    .split('/')
    .map(segment => (isId(segment) ? ':id' : segment))
    .join('/')
  // Upstream gives jobs away in its answers to pings.
  const writes = method !== 'GET' || (peer === 'upstream' && plain === '/ping')
  return { name: `${peer} ${method} ${plain}`, writes }
}

function kubernetesEffect(method: string, path: string, query: URLSearchParams): Effect {
  const { resource, name, subresource } = resourceOf(path)
  const isWatch = ['1', 'true'].includes(query.get('watch') ?? '')
  const verb = method !== 'GET' ? method : isWatch ? 'WATCH' : name ? 'GET' : 'LIST'
  const dry = query.get('dryRun') ? ' (dry run)' : ''
  const what = [resource, ...(name ? [':name'] : []), ...(subresource ? [subresource] : [])]
  return {
    name: `kubernetes ${verb} ${what.join('/')}${dry}`,
    writes: method !== 'GET' && dry === '' && !/reviews$/.test(resource),
  }
}

function resourceOf(path: string): { resource: string; name?: string; subresource?: string } {
  const parts = path.split('/').filter(part => part !== '')
  const rest = parts[0] === 'api' ? parts.slice(2) : parts[0] === 'apis' ? parts.slice(3) : parts
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2
  const [resource = '/', name, subresource] = inNamespace ? rest.slice(2) : rest
  return { resource, name, subresource }
}

function isId(segment: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(segment) || /^[0-9a-f]{16,}$/i.test(segment)
}
