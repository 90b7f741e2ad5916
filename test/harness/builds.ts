import type { BuildOptions } from '../../lib/sandbox/buildkite/add-steps.js'
import type { Emulator } from '../../lib/sandbox/buildkite/server.js'
import type { BuildView, JobView } from '../../lib/sandbox/buildkite/views.js'

/** What a test does with its upstream. */
export interface Verbs {
  /** Runs a pipeline to its end. */
  run(pipeline: string, options?: BuildOptions): Promise<BuildView>
  /** Starts a pipeline of one step, and gives its job. */
  begin(pipeline: string, options?: BuildOptions): JobView
  /** The job, once the condition holds. */
  until(jobId: string, condition: (job: JobView) => boolean, what: string): Promise<JobView>
}

// No repository: the checkout container runs its phase and clones nothing.
const noCheckout: BuildOptions = { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } }

const usualLimitMs = 90_000

/** What a test does with its upstream. */
export function verbs(upstream: Emulator, limitMs = usualLimitMs): Verbs {
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
