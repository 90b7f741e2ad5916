import type { V1Node } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import type { Log } from '../log.js'

/** What looking at nodes needs. */
export interface NodeLooksOptions {
  cluster: Pick<Cluster, 'getNode'>
  clock: Clock
  log: Log
}

// All pods of a node share one look at it.
const sharedMs = 3_000
const forbiddenMs = 10 * 60_000
const mostNodes = 500

/** How nodes are, asked only for those of pods in trouble. Where we may not read nodes, that is said once. */
export class NodeLooks {
  private readonly nodes = new Map<string, { node: V1Node | undefined; at: number }>()
  private readonly asking = new Set<string>()
  private forbiddenUntil = 0

  constructor(private readonly options: NodeLooksOptions) {}

  /** What is known of the node; it is asked for anew, for the next time, when that is old. */
  known(name: string): V1Node | undefined {
    const found = this.nodes.get(name)
    const { clock, log } = this.options
    if (clock.now() - (found?.at ?? -Infinity) >= sharedMs && !this.asking.has(name)) {
      this.asking.add(name)
      this.fresh(name)
        .catch((err: unknown) => {
          // It is left alone as long as if it had answered.
          this.keep(name, undefined)
          log.info({ err, node: name }, 'node not looked at')
        })
        .finally(() => this.asking.delete(name))
    }
    return found?.node
  }

  /** What the API server says of the node now; undefined where there is none, or we may not ask. Throws `ClusterError`. */
  async fresh(name: string): Promise<V1Node | undefined> {
    const { cluster, clock, log } = this.options
    if (clock.now() < this.forbiddenUntil) return undefined
    try {
      const node = await cluster.getNode(name)
      this.keep(name, node)
      return node
    } catch (error) {
      if (!isClusterError(error) || error.status !== 403) throw error
      if (this.forbiddenUntil === 0)
        log.warn({ err: error }, 'nodes are not readable: that a node is lost is not noticed')
      this.forbiddenUntil = clock.now() + forbiddenMs
      return undefined
    }
  }

  private keep(name: string, node: V1Node | undefined): void {
    this.nodes.delete(name)
    this.nodes.set(name, { node, at: this.options.clock.now() })
    for (const oldest of this.nodes.keys()) {
      if (this.nodes.size <= mostNodes) return
      this.nodes.delete(oldest)
    }
  }
}

/** Whether a node is known not to be ready. */
export function isNotReady(node: V1Node | undefined): boolean {
  const ready = node?.status?.conditions?.find(({ type }) => type === 'Ready')
  return ready !== undefined && ready.status !== 'True'
}
