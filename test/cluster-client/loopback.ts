import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { KubeConfig } from '@kubernetes/client-node'
import { systemClock, type Clock } from '../../lib/clock.js'
import { connectCluster, type Cluster } from '../../lib/cluster/cluster.js'
import { silentLog } from '../../lib/log.js'

/** What a loopback API server was asked. */
export interface Asked {
  method: string
  path: string
  query: Record<string, string>
  headers: IncomingMessage['headers']
  body: string
}

export interface Loopback {
  url: string
  asked: Asked[]
  /** How many connections were made to it. */
  connections(): number
}

export type Handler = (asked: Asked, response: ServerResponse) => unknown

interface Test {
  teardown(end: () => unknown): void
}

/** An API server on a free port of 127.0.0.1 that answers as `handle` says. It ends with the test. */
export async function loopback(t: Test, handle: Handler): Promise<Loopback> {
  const asked: Asked[] = []
  let connections = 0
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', 'http://loopback')
    const one: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
      body: await text(request),
    }
    asked.push(one)
    handle(one, response)
  }
  server.on('connection', () => connections++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, asked, connections: () => connections }
}

/** A kubeconfig of one cluster and one user. */
export function kubeConfigOf(server: string, user: object = {}): KubeConfig {
  const config = new KubeConfig()
  config.loadFromClusterAndUser(
    { name: 'test', server, skipTLSVerify: false },
    { name: 'me', ...user },
  )
  return config
}

/** A cluster at that URL; its connections end with the test. */
export function clusterAt(
  t: Test,
  url: string,
  given: { clock?: Clock; user?: object } = {},
): Cluster {
  const cluster = connectCluster({
    kubeConfig: kubeConfigOf(url, given.user),
    namespace: 'jobs',
    ledgerNamespace: 'ledger',
    log: silentLog(),
    clock: given.clock ?? systemClock,
  })
  t.teardown(() => cluster.close())
  return cluster
}

export function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

/** A failing answer in the API server's form. */
export function refuse(
  response: ServerResponse,
  status: number,
  said: { reason?: string; message?: string; details?: object } = {},
): void {
  reply(response, status, {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code: status,
    ...said,
  })
}

/** Resolves when the condition holds; tap's time-out is what ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(resolve => setImmediate(resolve))
}
