import { isDeepStrictEqual } from 'node:util'
import type { RequestOptions } from 'node:https'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import { ClusterError } from './cluster-error.js'

/** What proves to the API server who we are, and to us who it is. */
export interface Credentials {
  headers: Record<string, string>
  tls: Pick<
    RequestOptions,
    'ca' | 'cert' | 'key' | 'pfx' | 'passphrase' | 'servername' | 'rejectUnauthorized'
  >
}

/**
 * A copy of the config that shares no cached token with it. client-node refuses plain http unless TLS is skipped, and
 * takes a cluster's CA only when there is a user: the copy has what it wants.
 */
export function freshConfig(config: KubeConfig): KubeConfig {
  const cluster = config.getCurrentCluster()
  const user = config.getCurrentUser()
  if (!cluster) throw new Error('the kubeconfig has no current cluster')
  const copy = new KubeConfig()
  copy.loadFromClusterAndUser(
    { ...cluster, skipTLSVerify: cluster.skipTLSVerify || cluster.server.startsWith('http:') },
    user ?? { name: 'anonymous' },
  )
  return copy
}

/**
 * The credentials of this moment: client-node reads the files and runs the plugins that the kubeconfig names.
 * @throws ClusterError (retry) when they cannot be had
 */
export async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} }
  try {
    await config.applyToHTTPSOptions(options)
  } catch (error) {
    const words = error instanceof Error ? error.message.trim().slice(0, 300) : 'unknown'
    throw new ClusterError({
      reason: 'Credentials',
      message: `the kubeconfig's credentials cannot be had: ${words}`,
    })
  }
  const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options
  const tls = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized }
  return { headers: headersOf(options), tls }
}

function headersOf({ headers, auth }: RequestOptions): Record<string, string> {
  const given = Object.entries(headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    // A token file may end in a newline, which no header may.
    String(value).trim(),
  ])
  const basic = auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
  return { ...basic, ...Object.fromEntries(given) } as Record<string, string>
}

/** Whether connections made with the one serve for the other. */
export function sameConnections(a: Credentials, b: Credentials): boolean {
  return isDeepStrictEqual(a.tls, b.tls)
}

/** Few enough for the API server to be at ease, enough for a burst of Jobs. */
const mostConnections = 16

/** The pool of kept connections to the API server, through the kubeconfig's proxy where it names one. */
export function connectionPool(
  { tls }: Credentials,
  { proxy, connectTimeout: timeout }: { proxy: string | undefined; connectTimeout: number },
): Dispatcher {
  const pool = {
    connections: mostConnections,
    pipelining: 1,
    keepAliveTimeout: 60_000,
    keepAliveMaxTimeout: 600_000,
  }
  if (!proxy) return new Agent({ ...pool, connect: { ...tls, timeout } })
  return new ProxyAgent({ ...pool, uri: proxy, requestTls: { ...tls, timeout } })
}
