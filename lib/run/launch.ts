import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import { backoffMs } from '../cluster/backoff.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError } from '../cluster/cluster-error.js'
import { isProblem, messageOf, Problem, problemText } from '../errors.js'
import { credential } from '../gateway/credentials.js'
import { buildJob } from '../pod/build.js'
import { jobInputs } from '../pod/inputs.js'
import { jobName } from '../pod/metadata.js'
import type { PodSettings } from '../pod/settings.js'
import { UpstreamError } from '../upstream/connection.js'
import { stopCause, wantsStop, type Cause } from './ending.js'
import type { Run } from './run.js'

/** What turns an accepted job into a Job. */
export interface LaunchContext {
  cluster: Cluster
  clock: Clock
  /** What the operator says about every pod. */
  pod: Omit<PodSettings, 'token'>
  /** Called with each Job as it is sent to the API server. */
  onManifest?: (job: V1Job) => void
}

// How often a job's log says again that its Job is still refused.
const sayAgainMs = 30_000

/**
 * Starts the job upstream and makes its Job. Whatever goes wrong on the way ends the run with its reason in the log;
 * nothing is thrown.
 */
export async function launch(run: Run, context: LaunchContext): Promise<void> {
  if (await begun(run)) await createJob(run, context)
}

/** Starts the job upstream; false when it is over instead. */
export async function begun(run: Run): Promise<boolean> {
  try {
    await run.begin()
    return true
  } catch (error) {
    return startedAnyway(run, error)
  }
}

/** Makes the run's Job, or finds it made. The same job always gives the same Job name, so there is never a second one. */
export async function createJob(run: Run, context: LaunchContext): Promise<void> {
  try {
    const token = credential('register', run)
    const job = buildJob(jobInputs(run.payload), { ...context.pod, token })
    context.onManifest?.(job)
    await createPatiently(run, job, context)
  } catch (error) {
    if (run.signal.aborted) return
    run.log.warn({ err: error }, 'job not launched')
    await run.end(launchCause(error))
  }
}

// The answer to `start` may have been lost after upstream had processed it: its word on the state decides.
async function startedAnyway(run: Run, error: unknown): Promise<boolean> {
  if (run.signal.aborted) return false
  if (!(error instanceof UpstreamError)) throw error
  const state = await run.stateUpstream().catch(() => undefined)
  if (state === 'running') {
    run.resume()
    return true
  }
  run.log.warn({ err: error, state }, 'upstream does not want the job started')
  if (state !== undefined && wantsStop(state)) {
    // Cancelled between accept and start: without a finish it would hang there until upstream's grace is over.
    run.resume()
    await run.end(stopCause(state))
    return false
  }
  run.endedUpstream('start refused')
  return false
}

async function createPatiently(
  run: Run,
  job: V1Job,
  { cluster, clock }: LaunchContext,
): Promise<void> {
  let saidAt = -Infinity
  for (let attempt = 0; ; attempt++) {
    run.signal.throwIfAborted()
    try {
      const { existed } = await cluster.createJob(job)
      run.jobCreated = true
      run.log.info({ name: job.metadata?.name, existed }, 'Job created')
      if (run.over) await cluster.deleteJob(jobName(run.jobId))
      return
    } catch (error) {
      if (!isClusterError(error, 'retry')) throw refusal(error)
      if (clock.now() - saidAt >= sayAgainMs) {
        saidAt = clock.now()
        run.log.warn({ err: error, attempt }, 'Job not created yet')
        await run.say([`Kubernetes does not take the Job yet, trying again: ${error.message}`])
      }
      await clock.sleep(
        Math.max(backoffMs(attempt, clock.random()), error.retryAfterMs ?? 0),
        run.signal,
      )
    }
  }
}

function refusal(error: unknown): unknown {
  if (!isClusterError(error)) return error
  return new Problem('JOB_REFUSED', 'Kubernetes refuses the Job', {
    where: 'POST Job',
    found: error.message,
    hint: 'the words after "found" are the API server\'s; mend the step, or ask who runs the cluster',
  })
}

function launchCause(error: unknown): Cause {
  const expected = isProblem(error)
  return {
    cause: expected ? 'job not run' : 'job not run (a fault of the job spawner)',
    message: expected ? problemText(error) : messageOf(error),
    exitStatus: -1,
    signalReason: 'agent_refused',
  }
}
