import type { CoreV1Api, V1Secret } from '@kubernetes/client-node'
import { listWatch, type Page } from './list-watch.js'
import type { Transport } from './transport.js'

/** The Secret verbs of one namespace. All throw `ClusterError`. */
export interface SecretVerbs {
  readonly namespace: string
  list(page: {
    labelSelector: string
    limit: number
    continueToken?: string
  }): Promise<Page<V1Secret>>
  get(name: string): Promise<V1Secret>
  /** Refused as `exists` when the name is taken. */
  create(secret: V1Secret): Promise<V1Secret>
  /** Refused as `conflict` when `metadata.resourceVersion` is no longer the current one. */
  replace(secret: V1Secret): Promise<V1Secret>
  /**
   * Refused with status 404 when there is none, and as `conflict` when `resourceVersion` is given and no longer the
   * current one.
   */
  delete(name: string, precondition?: { resourceVersion: string }): Promise<void>
}

/** The Secret verbs of a namespace over client-node. */
export function secretVerbs(transport: Transport, core: CoreV1Api, namespace: string): SecretVerbs {
  const path = `/api/v1/namespaces/${namespace}/secrets`
  return {
    namespace,
    list: ({ labelSelector, ...page }) =>
      listWatch(transport, { path, type: 'V1Secret', labelSelector }).list(page),
    get: name => core.readNamespacedSecret({ namespace, name }),
    create: body => core.createNamespacedSecret({ namespace, body }),
    replace: body =>
      core.replaceNamespacedSecret({ namespace, name: body.metadata?.name ?? '', body }),
    delete: async (name, preconditions) => {
      await core.deleteNamespacedSecret({ namespace, name, body: { preconditions } })
    },
  }
}
