import { once } from 'node:events'
import { createServer, isIPv4 } from 'node:net'
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os'
import type { V1Node } from '@kubernetes/client-node'
import { connectCluster, type Cluster } from '../cluster/cluster.js'
import { gatewayUrl } from '../cluster/gateway-url.js'
import { inCluster, loadKubeConfig, ownNamespace } from '../cluster/kubeconfig.js'
import type { ServerClock } from '../cluster/server-clock.js'
import type { Config } from '../config/config.js'
import { Problem } from '../errors.js'
import { Fence } from '../fence.js'
import { ledgerNamespace } from '../ledger/namespace.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'

/** A cluster that answers, with its namespaces, and how its pods reach a gateway of ours. */
export interface Connected {
  cluster: Cluster
  /** Closed: what `cluster` writes waits until somebody who holds the lease opens it. */
  fence: Fence
  gatewayUrl: (port: number) => Promise<string>
  /** The pod that we are in, when it is in the ledger's namespace. */
  pod: { name: string; uid: string } | undefined
}

/** What connecting needs of the program. */
export interface ConnectContext {
  env: NodeJS.ProcessEnv
  log: Log
  /** Told what time it is at the API server. */
  clock: ServerClock
  metrics?: Metrics
}

/**
 * Connects to the cluster that the configuration means, and makes the namespaces that are missing.
 * @throws Problem KUBECONFIG, CLUSTER_UNREACHABLE, CLUSTER_REFUSED, LEDGER_NAMESPACE.
 */
export async function connect(
  config: Config,
  { env, log, clock, metrics }: ConnectContext,
): Promise<Connected> {
  const kubeConfig = loadKubeConfig({ kubeconfig: config.kubeconfig, context: config.context, env })
  const inside = !config.kubeconfig && !config.context && inCluster(env)
  const ledger = ledgerNamespace({
    explicit: config.ledgerNamespace,
    jobsNamespace: config.namespace,
    own: inside ? ownNamespace() : undefined,
  })
  const fence = new Fence()
  const cluster = connectCluster({
    kubeConfig,
    namespace: config.namespace,
    ledgerNamespace: ledger,
    fence,
    log,
    clock,
    serverClock: clock,
    metrics,
  })
  const version = await cluster.ping()
  log.info(
    { server: cluster.host, version, namespace: config.namespace, ledgerNamespace: ledger },
    'cluster connected',
  )
  await cluster.ensureNamespace(ledger)
  await cluster.ensureNamespace(config.namespace)
  return {
    cluster,
    fence,
    pod: inside && ownNamespace() === ledger ? podOf(env) : undefined,
    gatewayUrl: async port => {
      if (config.gatewayUrl !== undefined) return config.gatewayUrl
      if (inside) throw insideProblem()
      const nodes = await cluster.nodes()
      return gatewayUrl({
        listenPort: port,
        nodes,
        interfaces: { ...networkInterfaces(), nodes: await ownNodeAddresses(nodes) },
        context: kubeConfig.getCurrentContext(),
        server: kubeConfig.getCurrentCluster()?.server ?? '',
        platform: process.platform,
      })
    },
  }
}

// The chart sets both.
function podOf({ POD_NAME: name, POD_UID: uid }: NodeJS.ProcessEnv) {
  return name && uid ? { name, uid } : undefined
}

/**
 * The nodes' addresses that are this machine's. Node lists no interface without a carrier, and a bridge has none until
 * its first pod runs; what we can listen on is ours all the same.
 */
async function ownNodeAddresses(nodes: readonly V1Node[]): Promise<NetworkInterfaceInfo[]> {
  const addresses = nodes
    .flatMap(node => node.status?.addresses ?? [])
    .filter(({ type, address }) => type === 'InternalIP' && isIPv4(address))
  const own = await Promise.all(
    addresses.slice(0, 10).map(async ({ address }) => ((await isOwn(address)) ? address : [])),
  )
  return own.flat().map(address => ({
    address,
    netmask: '255.255.255.255',
    cidr: `${address}/32`,
    family: 'IPv4',
    mac: '',
    internal: address.startsWith('127.'),
  }))
}

async function isOwn(address: string): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(0, address)
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}

function insideProblem(): Problem {
  return new Problem('GATEWAY_URL_UNKNOWN', 'it is not known how pods reach the gateway', {
    where: '--gateway-url (JOB_SPAWNER_GATEWAY_URL)',
    wanted: 'the URL of the Service in front of this pod, such as http://job-spawner.ci.svc:8480',
    found: 'none',
    hint: 'the chart sets it; without the chart, make a Service and name it here',
  })
}
