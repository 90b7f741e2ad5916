import { setTimeout as delay } from 'node:timers/promises'
import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { Test } from 'tap'
import {
  startEmulator,
  type Emulator,
  type EmulatorOptions,
} from '../../lib/sandbox/buildkite/server.js'
import { startCluster, type EmbeddedCluster } from '../../lib/sandbox/cluster/server.js'
import type { BuildView } from '../../lib/sandbox/buildkite/views.js'
import { logs, verbs, type Verbs } from '../harness/builds.js'
import { freePort } from '../harness/ports.js'
import { startSpawner, type Spawner } from '../harness/spawner.js'

/** The built program between an emulated Buildkite and an embedded cluster, both in the test's process. */
export interface World extends Verbs {
  upstream: Emulator
  cluster: EmbeddedCluster
  spawner: Spawner
}

/** How a world differs from the usual one. */
export interface WorldOptions {
  /** Flags of `job-spawner run` beyond those that the world needs. */
  flags?: Record<string, string | number>
  maxInFlight?: number
  upstream?: Partial<EmulatorOptions>
}

/** The agent token of the tests, to be looked for where it may not be. */
export const agentToken = 'agent-token-that-nobody-may-see'

/** The namespace of the Jobs. */
export const namespace = 'jobs'

/** The namespace of the ledger. */
export const ledgerNamespace = 'ledger'

/**
 * Starts all three; they end with the test, the program first. The test fails when the upstream has something to object
 * to in the end.
 */
export async function startWorld(t: Test, options: WorldOptions = {}): Promise<World> {
  const { upstream, cluster } = await startSurroundings(t, options.upstream)
  const port = await freePort()
  const spawner = startSpawner(t, {
    token: agentToken,
    env: process.env,
    flags: {
      endpoint: upstream.endpoint,
      kubeconfig: cluster.kubeconfig,
      name: 'program-%i',
      namespace,
      'ledger-namespace': ledgerNamespace,
      'gateway-listen': `127.0.0.1:${port}`,
      'metrics-listen': '127.0.0.1:0',
      'gateway-url': `http://127.0.0.1:${port}`,
      'log-level': 'debug',
      'max-in-flight': options.maxInFlight ?? 4,
      ...options.flags,
    },
  })
  return { upstream, cluster, spawner, ...verbs(upstream) }
}

/** An upstream and a cluster, without a program between them. */
export async function startSurroundings(
  t: Test,
  options: Partial<EmulatorOptions> = {},
): Promise<{ upstream: Emulator; cluster: EmbeddedCluster }> {
  let violations: readonly string[] = []
  // The first teardown is the last to run. tap takes no assertion in one, but an error there fails the test.
  t.teardown(() => {
    if (violations.length > 0) throw new Error(`upstream objects: ${violations.join('; ')}`)
  })
  const cluster = await startCluster()
  t.teardown(() => cluster.close())
  const upstream = await startEmulator({
    token: agentToken,
    defaultQueue: 'bk-operator',
    ...options,
  })
  t.teardown(() => upstream.close())
  violations = upstream.violations
  return { upstream, cluster }
}

/** The build has passed; if it has not, its logs say why. */
export function passed(t: Test, build: BuildView): void {
  t.equal(build.state, 'passed', 'the build has passed', { logs: logs(build) })
}

/** The Jobs of a job: none before it is made and after it is deleted. */
export function jobsOf({ cluster }: Pick<World, 'cluster'>, jobId: string): V1Job[] {
  return (cluster.objects('jobs', namespace) as V1Job[]).filter(job => isOf(job, jobId))
}

/** The pods of a job. */
export function podsOf({ cluster }: Pick<World, 'cluster'>, jobId: string): V1Pod[] {
  return (cluster.objects('pods', namespace) as V1Pod[]).filter(pod => isOf(pod, jobId))
}

/** How many Jobs the program has made for a job, as the API server has seen it. */
export function jobsMadeFor({ cluster }: Pick<World, 'cluster'>, jobId: string): number {
  return cluster.writes.filter(
    ({ verb, kind, name }) => verb === 'create' && kind === 'Job' && name.includes(jobId),
  ).length
}

/** What `look` gives as soon as it is something. An Error that says `what` after `seconds`. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false,
  seconds = 40,
): Promise<T> {
  const end = Date.now() + seconds * 1000
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`)
    await delay(20)
  }
}

function isOf(object: V1Job | V1Pod, jobId: string): boolean {
  return object.metadata?.labels?.['buildkite.com/job-uuid'] === jobId
}
