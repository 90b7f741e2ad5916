import {
  AuthenticationV1Api,
  BatchV1Api,
  CoreV1Api,
  DiscoveryV1Api,
  ServerConfiguration,
  VersionApi,
  createConfiguration,
  type CoreV1Event,
  type KubeConfig,
  type V1Job,
  type V1Node,
  type V1PersistentVolumeClaim,
  type V1Pod,
  type V1PodTemplate,
} from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Fence } from '../fence.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { ClusterError, isClusterError, isNotFound } from './cluster-error.js'
import { pointService, serviceAddresses, type GatewayEndpoint } from './gateway-endpoints.js'
import { leaseVerbs, type LeaseVerbs } from './leases.js'
import { listWatch, typed, type ListWatch } from './list-watch.js'
import { checkTokenReviews, ensureNamespace, pingCluster } from './preflight.js'
import { secretVerbs, type SecretVerbs } from './secrets.js'
import type { ServerClock } from './server-clock.js'
import { reviewToken, type PodIdentity } from './token-review.js'
import { Transport } from './transport.js'

/**
 * What we ask of a Kubernetes cluster: Jobs, pods and events of the jobs' namespace, Secrets of the ledger's. Methods
 * throw `ClusterError`; `ping` and `ensureNamespace`, which belong to the start, throw a `Problem`.
 */
export interface Cluster {
  /** Host and port of the API server, for messages. */
  readonly host: string
  /** The namespace of the jobs. */
  readonly namespace: string
  /** The namespace of the ledger. */
  readonly ledgerNamespace: string
  /** The Secret verbs of the ledger's namespace. */
  readonly secrets: SecretVerbs
  /** The Lease verbs of the ledger's namespace. */
  readonly leases: LeaseVerbs
  /**
   * The API server's version.
   * @throws Problem CLUSTER_UNREACHABLE, CLUSTER_REFUSED
   */
  ping(): Promise<string>
  /**
   * Makes the namespace when it is missing.
   * @throws Problem CLUSTER_UNREACHABLE, CLUSTER_REFUSED
   */
  ensureNamespace(name: string): Promise<void>
  /**
   * Whether we may have pods' tokens reviewed.
   * @throws Problem TOKEN_REVIEW, CLUSTER_UNREACHABLE, CLUSTER_REFUSED
   */
  checkTokenReviews(): Promise<void>
  /**
   * Creates the Job; when one of that name exists already it is the same Job, as names are derived from job ids. Fields
   * that the API server does not know are refused (final, 400) rather than dropped. A dry run is checked as any other
   * creation, admission and quotas included, and makes nothing.
   */
  createJob(job: V1Job, options?: { dryRun?: true }): Promise<{ job: V1Job; existed: boolean }>
  getJob(name: string): Promise<V1Job | undefined>
  /** The Jobs with these labels, all of them. */
  listJobs(labelSelector: string): Promise<V1Job[]>
  /**
   * Ends the Job but does not delete it: its deadline is over in a second, its controller ends its pods, with their
   * grace, and it stays until its TTL. Fine when there is none. That needs the verb `patch`.
   */
  endJob(name: string): Promise<void>
  /** Deletes the Job, and its pods after it. Fine when there is none. */
  deleteJob(name: string, options?: { background: true }): Promise<void>
  getPod(name: string): Promise<V1Pod | undefined>
  /** Fine when there is none. */
  deletePod(name: string, options?: { graceSeconds?: number }): Promise<void>
  podsOfJob(jobName: string): Promise<V1Pod[]>
  /** As it is stored, with the API server's defaults in its podSpec; no field is left out, and times are text. */
  getPodTemplate(name: string): Promise<V1PodTemplate | undefined>
  getClaim(name: string): Promise<V1PersistentVolumeClaim | undefined>
  /** The last lines of a container, at most 64 KiB of them. */
  podLog(name: string, container: string, tailLines: number): Promise<string>
  nodes(): Promise<V1Node[]>
  getNode(name: string): Promise<V1Node | undefined>
  /** Whose service account token it is; undefined when it is not good for the audience, or bound to no pod that exists. */
  reviewToken(token: string, audience: string): Promise<PodIdentity | undefined>
  /** Points a Service without a selector, in the ledger's namespace, at one address. */
  pointService(endpoint: Omit<GatewayEndpoint, 'namespace'>): Promise<void>
  /** Where it leads now, in the family of the address. */
  serviceAddresses(endpoint: Pick<GatewayEndpoint, 'service' | 'address'>): Promise<string[]>
  /** The newest that the API server has (at most 500) about the pod, Job or claim of that name. */
  events(name: string): Promise<CoreV1Event[]>
  /** Makes an event in the namespace of the jobs. */
  createEvent(event: CoreV1Event): Promise<void>
  /** The pods with these labels, for a `Reflector`. */
  watchPods(labelSelector: string): ListWatch<V1Pod>
  /** The Jobs with these labels, for a `Reflector`. */
  watchJobs(labelSelector: string): ListWatch<V1Job>
  /** All events of the namespace of the jobs, others' included, for a `Reflector`. */
  watchEvents(): ListWatch<CoreV1Event>
  /** Ends all connections at once. */
  close(): Promise<void>
}

export interface ClusterOptions {
  kubeConfig: KubeConfig
  namespace: string
  ledgerNamespace: string
  log: Log
  clock: Clock
  /** Told what time it is at the API server. */
  serverClock?: ServerClock
  /** Open while this process may write; always, when it is left out. */
  fence?: Fence
  metrics?: Metrics
}

/** A cluster over kept connections. Nothing is asked of it before the first call. */
export function connectCluster(options: ClusterOptions): Cluster {
  const { namespace, ledgerNamespace, log } = options
  const transport = new Transport(options)
  // On connections of its own: it may not wait behind Jobs that a slow webhook looks at.
  const leaseTransport = new Transport({ ...options, fence: undefined, connectTimeout: 3_000 })
  const baseServer = new ServerConfiguration(transport.server, {})
  const configuration = createConfiguration({ baseServer, httpApi: transport.library })
  const core = new CoreV1Api(configuration)
  const version = new VersionApi(configuration)
  const authentication = new AuthenticationV1Api(configuration)
  const discovery = new DiscoveryV1Api(configuration)
  const corePath = `/api/v1/namespaces/${namespace}`
  const podsPath = `${corePath}/pods`
  const jobsPath = `/apis/batch/v1/namespaces/${namespace}/jobs`
  return {
    host: transport.host,
    namespace,
    ledgerNamespace,
    secrets: secretVerbs(transport, core, ledgerNamespace),
    leases: leaseVerbs(leaseTransport, ledgerNamespace),
    ping: () => pingCluster(version, transport.host),
    ensureNamespace: name => ensureNamespace(core, { name, host: transport.host, log }),
    checkTokenReviews: () => checkTokenReviews(authentication, transport.host),
    ...jobVerbs(transport, new BatchV1Api(configuration), { namespace, jobsPath }),
    ...podVerbs(transport, core, { namespace, podsPath }),
    getPodTemplate: name => podTemplate(transport, `${corePath}/podtemplates`, name),
    getClaim: name => unlessMissing(core.readNamespacedPersistentVolumeClaim({ namespace, name })),
    nodes: async () => (await core.listNode()).items,
    getNode: name => unlessMissing(core.readNode({ name })),
    reviewToken: (token, audience) => reviewToken(authentication, { token, audience }),
    pointService: endpoint => pointService(discovery, { ...endpoint, namespace: ledgerNamespace }),
    serviceAddresses: endpoint =>
      serviceAddresses(discovery, { ...endpoint, namespace: ledgerNamespace }),
    ...eventVerbs(transport, core, namespace),
    watchPods: labelSelector =>
      listWatch(transport, { path: podsPath, type: 'V1Pod', labelSelector }),
    watchJobs: labelSelector =>
      listWatch(transport, { path: jobsPath, type: 'V1Job', labelSelector }),
    close: async () => {
      await Promise.all([transport.close(), leaseTransport.close()])
    },
  }
}

function jobVerbs(
  transport: Transport,
  batch: BatchV1Api,
  { namespace, jobsPath }: { namespace: string; jobsPath: string },
): Pick<Cluster, 'createJob' | 'getJob' | 'listJobs' | 'endJob' | 'deleteJob'> {
  const source = (labelSelector: string) =>
    listWatch(transport, { path: jobsPath, type: 'V1Job', labelSelector })
  const getJob = (name: string) => unlessMissing(batch.readNamespacedJob({ namespace, name }))
  return {
    getJob,
    createJob: async (job, { dryRun } = {}) => {
      const query = { fieldValidation: 'Strict', dryRun: dryRun && 'All' }
      try {
        // As it is: client-node's models drop fields that they do not know, and a pod may have newer ones.
        const made = await transport.json({ method: 'POST', path: jobsPath, query, body: job })
        return { job: typed(made, 'V1Job'), existed: false }
      } catch (error) {
        if (!isClusterError(error, 'exists')) throw error
        const found = await getJob(job.metadata?.name ?? '')
        if (found) return { job: found, existed: true }
        throw new ClusterError({ reason: 'Vanished', message: 'the Job existed, and then did not' })
      }
    },
    listJobs: labelSelector => everything(source(labelSelector)),
    endJob: async name => {
      const path = `${jobsPath}/${encodeURIComponent(name)}`
      const body = { spec: { activeDeadlineSeconds: 1 } }
      await unlessMissing(transport.text({ method: 'PATCH', path, body }))
    },
    deleteJob: async name => {
      const propagationPolicy = 'Background'
      await unlessMissing(batch.deleteNamespacedJob({ namespace, name, propagationPolicy }))
    },
  }
}

function eventVerbs(
  transport: Transport,
  core: CoreV1Api,
  namespace: string,
): Pick<Cluster, 'events' | 'createEvent' | 'watchEvents'> {
  const path = `/api/v1/namespaces/${namespace}/events`
  return {
    events: async name => {
      const fieldSelector = `involvedObject.name=${name}`
      return (await core.listNamespacedEvent({ namespace, fieldSelector, limit: 500 })).items
    },
    createEvent: async event => {
      await transport.text({ method: 'POST', path, body: event })
    },
    watchEvents: () => listWatch(transport, { path, type: 'CoreV1Event' }),
  }
}

function podVerbs(
  transport: Transport,
  core: CoreV1Api,
  { namespace, podsPath }: { namespace: string; podsPath: string },
): Pick<Cluster, 'getPod' | 'deletePod' | 'podsOfJob' | 'podLog'> {
  return {
    getPod: name => unlessMissing(core.readNamespacedPod({ namespace, name })),
    deletePod: async (name, { graceSeconds: gracePeriodSeconds } = {}) => {
      await unlessMissing(core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds }))
    },
    podsOfJob: async jobName => {
      const labelSelector = `job-name=${jobName}`
      return (await core.listNamespacedPod({ namespace, labelSelector })).items
    },
    podLog: (name, container, tailLines) =>
      transport.text({
        method: 'GET',
        path: `${podsPath}/${encodeURIComponent(name)}/log`,
        query: { container, tailLines, limitBytes: 64 * 1024 },
      }),
  }
}

// As it is, for the same reason as a Job: what a model does not know would be lost from the pod.
async function podTemplate(
  transport: Transport,
  path: string,
  name: string,
): Promise<V1PodTemplate | undefined> {
  // No object is called so, and as a part of a path they lead elsewhere.
  if (name === '.' || name === '..') return undefined
  const one = { method: 'GET', path: `${path}/${encodeURIComponent(name)}` } as const
  return unlessMissing(transport.json(one) as Promise<V1PodTemplate>)
}

async function everything<T>(source: ListWatch<T>): Promise<T[]> {
  const items: T[] = []
  for (let continueToken: string | undefined; ;) {
    const page = await source.list({ limit: 500, continueToken })
    items.push(...page.items)
    if (!page.continueToken) return items
    continueToken = page.continueToken
  }
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}
