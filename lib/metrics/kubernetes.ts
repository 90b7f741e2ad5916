import type { Dispatcher } from 'undici'
import { callBuckets, type Instruments } from './instruments.js'
import { callStatuses, watchCalls, type WireCall } from './watched-calls.js'

/** A call of the Kubernetes API, in Kubernetes' own words: those that an RBAC rule has. */
export interface KubernetesCall {
  verb: string
  resource: string
}

/** What this program asks of the API server; these are there from the start. */
const usual: Record<string, readonly string[]> = {
  pods: ['list', 'watch', 'get', 'delete'],
  'pods/log': ['get'],
  jobs: ['list', 'watch', 'get', 'create', 'patch', 'delete'],
  events: ['list', 'watch', 'create'],
  nodes: ['list', 'get'],
  secrets: ['list', 'get', 'create', 'update', 'delete'],
  leases: ['get', 'create', 'update'],
  persistentvolumeclaims: ['get'],
  podtemplates: ['get'],
  endpointslices: ['get', 'create', 'update'],
  tokenreviews: ['create'],
  namespaces: ['get', 'create'],
  version: ['get'],
}

/** The calls that go to the API server. */
export class KubernetesMetrics {
  private readonly requests
  private readonly duration

  constructor(
    make: Instruments,
    private readonly clocks: { now: () => number },
  ) {
    this.requests = make.counter<'verb' | 'resource' | 'status'>(
      'kubernetes_requests_total',
      'Calls of the Kubernetes API. A watch counts when the API server has accepted or refused it.',
      { verb: [], resource: [], status: [] },
    )
    this.duration = make.histogram<'verb' | 'resource'>(
      'kubernetes_request_duration_seconds',
      'How long calls of the Kubernetes API take, up to the end of the answer; of a watch, up to its beginning.',
      { buckets: callBuckets, labels: { verb: [], resource: [] } },
    )
    for (const [resource, verbs] of Object.entries(usual))
      for (const verb of verbs)
        for (const status of callStatuses) this.requests.inc({ verb, resource, status }, 0)
  }

  /** The same connections, watched. */
  watching(pool: Dispatcher): Dispatcher {
    return pool.compose(
      watchCalls({
        now: this.clocks.now,
        isStream: isWatch,
        ended: (wire, { status, seconds }) => {
          const { verb, resource } = kubernetesCall(wire)
          this.requests.inc({ verb, resource, status })
          this.duration.observe({ verb, resource }, seconds)
        },
      }),
    )
  }
}

const ofResource =
  /\/(?:api\/v1|apis\/[^/]+\/[^/]+)(?:\/namespaces\/[^/]+)?\/([a-z]+)(?:\/([^/]+)(?:\/([a-z]+))?)?$/

const verbs: Record<string, string> = {
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

/** What a call is counted as; a resource that is none of `usual` is `other`. */
export function kubernetesCall({ method, path, query }: WireCall): KubernetesCall {
  if (path.endsWith('/version')) return { verb: 'get', resource: 'version' }
  const [, kind = '', name, subresource] = ofResource.exec(path) ?? []
  const resource = subresource === undefined ? kind : `${kind}/${subresource}`
  const reading = name !== undefined ? 'get' : isWatch({ method, path, query }) ? 'watch' : 'list'
  return {
    verb: verbs[method] ?? reading,
    resource: resource in usual ? resource : 'other',
  }
}

function isWatch({ query }: WireCall): boolean {
  return /(^|&)watch=(1|true)(&|$)/.test(query)
}
