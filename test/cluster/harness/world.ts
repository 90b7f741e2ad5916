import type { Test } from 'tap'
import type { BuildOptions } from '../../../lib/sandbox/buildkite/add-steps.js'
import { startEmulator, type Emulator } from '../../../lib/sandbox/buildkite/server.js'
import type { BuildView, JobView } from '../../../lib/sandbox/buildkite/views.js'
import { hostAddress } from './env.js'
import { makeNamespaces, type Namespaces } from './namespaces.js'
import { startSpawner, type Spawner } from './spawner.js'

/** What a test of the whole program works with: an upstream, a cluster's namespaces, and the program between them. */
export interface World {
  upstream: Emulator
  namespaces: Namespaces
  spawner: Spawner
  /** Runs a pipeline to its end. */
  run(pipeline: string, options?: BuildOptions): Promise<BuildView>
  /** Starts a pipeline of one step, and gives its job. */
  begin(pipeline: string, options?: BuildOptions): JobView
  /** The job, once the condition holds. */
  until(jobId: string, condition: (job: JobView) => boolean, what: string): Promise<JobView>
}

/** The agent token of the tests, to be looked for where it may not be. */
export const clusterToken = 'cluster-token-that-no-pod-may-see'

// No repository: the checkout container runs its phase and clones nothing.
const noCheckout: BuildOptions = { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } }

const limitMs = 90_000

/** An emulated upstream that pods reach, namespaces of the test's own, and a spawner outside the cluster. */
export async function startWorld(
  t: Test,
  { args = [], maxInFlight = 4 }: { args?: readonly string[]; maxInFlight?: number } = {},
): Promise<World> {
  const upstream = await startUpstream(t)
  const namespaces = await makeNamespaces(t)
  const { endpoint } = upstream
  const spawner = await startSpawner(t, {
    endpoint,
    token: clusterToken,
    namespaces,
    args: ['--max-in-flight', String(maxInFlight), ...args],
  })
  return { upstream, namespaces, spawner, ...verbs(upstream) }
}

/** The emulator where pods reach it. When the test ends, it has nothing to object to. */
export async function startUpstream(t: Test): Promise<Emulator> {
  const upstream = await startEmulator({
    token: clusterToken,
    host: '0.0.0.0',
    publicHost: hostAddress,
    defaultQueue: 'bk-operator',
  })
  t.teardown(async () => {
    t.same(upstream.violations, [], 'upstream has nothing to object to')
    await upstream.close()
  })
  return upstream
}

/** What a test does with its upstream. */
export function verbs(upstream: Emulator): Pick<World, 'run' | 'begin' | 'until'> {
  const create = (pipeline: string, options: BuildOptions = noCheckout) =>
    upstream.createBuild(pipeline, options)
  return {
    run: async (pipeline, options) => {
      const { id } = create(pipeline, options)
      return upstream.waitFor(() => ended(upstream.build(id)), {
        timeoutMs: limitMs,
        what: 'the end of the build',
      })
    },
    begin: (pipeline, options) => {
      const [job] = create(pipeline, options).jobs
      if (!job) throw new Error('the pipeline has no step')
      return job
    },
    until: (jobId, condition, what) =>
      upstream.waitFor(() => condition(upstream.job(jobId)) && upstream.job(jobId), {
        timeoutMs: limitMs,
        what,
      }),
  }
}

function ended(build: BuildView): BuildView | undefined {
  return ['passed', 'failed', 'canceled'].includes(build.state) ? build : undefined
}

/** Whether a job has come to its end. */
export function isOver(job: JobView): boolean {
  return ['finished', 'canceled', 'timed_out', 'broken'].includes(job.state)
}

/** A log's lines, without the line ends and the blank ones. */
export function lines(log: string): string[] {
  return log.split(/\r*\n/).filter(line => line.trim() !== '')
}

/** The logs of a build's jobs, for messages. */
export function logs(build: BuildView): string {
  return build.jobs.map(job => job.log).join('\n')
}
