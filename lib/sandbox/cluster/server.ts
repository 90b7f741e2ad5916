import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { systemClock, type Clock } from '../../clock.js'
import { silentLog, type Log } from '../../log.js'
import { standInProgram } from '../pod-agent/program.js'
import type { Parts, Write } from './api.js'
import { Faults, type FaultRule, type Troublemaker } from './faults.js'
import { deletePod, JobController } from './job-controller.js'
import { Kubelet, nodeLabels } from './kubelet.js'
import { writeKubeconfig } from './kubeconfig.js'
import { PodTokens } from './pod-tokens.js'
import type { PodObject } from './objects.js'
import { Recorder } from './recorder.js'
import { isResourceName, resources, type ResourceName } from './resources.js'
import { serve } from './serve.js'
import { badRequest, notFound } from './status.js'
import { Storage, type Change } from './storage.js'
import { Watches } from './watch.js'

const bookmarkMs = 10_000

/** How the embedded cluster is made. All is optional: a free port of 127.0.0.1, a new temporary folder, real time. */
export interface ClusterOptions {
  host?: string
  port?: number
  log?: Log
  clock?: Clock
  /** Where the pods' folders are made. */
  workspaceRoot?: string
  /** The longest that a watch stays open, in milliseconds; 5 minutes by default. */
  watchTimeoutMs?: number
}

/** A small Kubernetes API in this process, whose pods are local processes: no isolation, and not a cluster. */
export interface EmbeddedCluster {
  url: string
  /** The path of a kubeconfig for it. */
  kubeconfig: string
  /** The objects of a kind, by `Pod` or `pods`, in one namespace or in all. */
  objects(kind: string, namespace?: string): object[]
  /** The writes that came through the API, not those of the cluster's own parts. */
  writes: (Write & { time: number; userAgent: string })[]
  /** The TokenReviews that were answered, which write nothing. */
  tokenReviews: { authenticated: boolean; time: number; userAgent: string }[]
  deletePod(namespace: string, name: string, options?: { force?: boolean }): void
  /** Puts a fault into later answers; the returned function takes it back. */
  fault(rule: FaultRule | Troublemaker): () => void
  /** Ends all open watches, quietly or with the ERROR that asks for a new list. */
  dropWatches(reason?: 'close' | 'gone'): void
  /** Holds back all watch events until the returned function is called. */
  holdWatches(): () => void
  /** Calls back after each change of an object, whoever made it; the returned function ends that. */
  onChange(listener: (change: Change) => void): () => void
  /** Ends the server and every process that a pod has started, and removes its temporary files. */
  close(): Promise<void>
}

/**
 * Starts the embedded cluster.
 * @throws Problem (INTERNAL) when the stand-in for the pod agent has not been built.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<EmbeddedCluster> {
  const { clock = systemClock, log = silentLog(), host = '127.0.0.1' } = options
  const main = standInProgram('main.js')
  const folder = await mkdtemp(join(tmpdir(), 'job-spawner-cluster-'))
  const root = options.workspaceRoot ?? folder
  const storage = new Storage(clock)
  const watches = new Watches(storage, bookmarkMs)
  const recorder = new Recorder(storage, clock)
  const jobs = new JobController(storage, clock, recorder)
  const tokens = new PodTokens(storage, clock)
  const kubelet = new Kubelet({ storage, recorder, tokens, clock, log, main, root })
  const faults = new Faults(clock)
  const token = randomBytes(16).toString('hex')
  const stop = new AbortController()
  const writes: EmbeddedCluster['writes'] = []
  const tokenReviews: EmbeddedCluster['tokenReviews'] = []
  const watchTimeoutMs = options.watchTimeoutMs ?? 300_000
  const parts = { storage, kubelet, watches, tokens, clock, watchTimeoutMs }
  seed(storage)

  const server = createServer((request, response) => {
    const userAgent = request.headers['user-agent'] ?? ''
    const seen = () => ({ time: clock.now(), userAgent })
    const heard: Pick<Parts, 'wrote' | 'reviewed'> = {
      wrote: write => void writes.push({ ...write, ...seen() }),
      reviewed: review => void tokenReviews.push({ ...review, ...seen() }),
    }
    const context = { parts: { ...parts, ...heard }, faults, token, signal: stop.signal }
    serve(context, request, response).catch((err: unknown) => {
      if (!stop.signal.aborted) log.error({ err }, 'the embedded API broke')
      response.destroy()
    })
  })
  server.listen(options.port ?? 0, host)
  await once(server, 'listening')
  const url = `http://${host}:${(server.address() as AddressInfo).port}`
  const close = async () => {
    stop.abort()
    jobs.close()
    watches.close()
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await kubelet.close()
    await closed
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  let closing: Promise<void> | undefined
  return {
    url,
    kubeconfig: await writeKubeconfig(folder, { url, token }),
    objects: (kind, namespace) => structuredClone(storage.list(resourceOf(kind), namespace)),
    writes,
    tokenReviews,
    deletePod: (namespace, name, { force = false } = {}) => {
      const pod = storage.get('pods', namespace, name)
      if (!pod) throw notFound('pods', name)
      deletePod(storage, clock, pod as PodObject, force ? 0 : undefined)
    },
    fault: rule => faults.add(rule),
    dropWatches: (reason = 'close') => watches.drop(reason),
    holdWatches: () => watches.hold(),
    onChange: listener => storage.subscribe(listener),
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

function resourceOf(kind: string): ResourceName {
  if (isResourceName(kind)) return kind
  const found = (Object.keys(resources) as ResourceName[]).find(
    name => resources[name].kind === kind,
  )
  if (!found) throw badRequest(`no such kind: ${kind}`)
  return found
}

function seed(storage: Storage): void {
  for (const name of ['default', 'kube-system', 'kube-public']) {
    storage.create('namespaces', { metadata: { name }, status: { phase: 'Active' } })
  }
  storage.create('nodes', {
    metadata: { name: 'sandbox', labels: nodeLabels },
    spec: {},
    status: {
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: 'sandbox' },
      ],
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady' }],
      nodeInfo: { operatingSystem: 'linux', kubeletVersion: 'v1.34.0+job-spawner-sandbox' },
    },
  })
}
