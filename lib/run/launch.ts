import type { V1Job } from '@kubernetes/client-node'
import type { Clock } from '../clock.js'
import type { Cluster } from '../cluster/cluster.js'
import { isClusterError, type ClusterError } from '../cluster/cluster-error.js'
import { isProblem, messageOf, Problem, problemText } from '../errors.js'
import { buildJob } from '../pod/build.js'
import { holdOf } from '../pod/given/hold.js'
import { jobInputs } from '../pod/given/inputs.js'
import type { PodSettings } from '../pod/given/settings.js'
import { UpstreamError } from '../upstream/connection.js'
import { mayPass } from './delivery.js'
import { stopCause, wantsStop, type Cause } from './ending.js'
import { deleteJobOf } from './job-deleted.js'
import { patiently } from './patiently.js'
import { podTemplateOf } from './pod-template.js'
import type { Run } from './run.js'
import { stateInTheEnd } from './state-word.js'

/** What turns an accepted job into a Job. */
export interface LaunchContext {
  cluster: Cluster
  clock: Clock
  /** What the operator says about every pod. */
  pod: Omit<PodSettings, 'podTemplate'>
  /** Called with each Job as it is sent to the API server. */
  onManifest?: (job: V1Job) => void
}

/**
 * Starts the job upstream and makes its Job. Whatever goes wrong on the way ends the run with its reason in the log;
 * nothing is thrown.
 */
export async function launch(run: Run, context: LaunchContext): Promise<void> {
  // An earlier process may have made the Job: nothing is needed for another then, not even a step that is right.
  if ((await begun(run, context.clock)) && !run.jobCreated) await createJob(run, context)
}

/** Starts the job upstream, however long that is away; false when it is over instead. */
export async function begun(run: Run, clock: Clock): Promise<boolean> {
  // Cancelled while it was being written down, say.
  while (!run.over) {
    try {
      await run.begin()
      return true
    } catch (error) {
      const word = await startedAnyway(run, error, clock)
      if (word !== 'again') return word === 'started'
    }
  }
  return false
}

/** Makes the run's Job, or finds it made. The same job always gives the same Job name, so there is never a second one. */
export async function createJob(run: Run, context: LaunchContext): Promise<void> {
  try {
    const job = await manifest(run, context)
    if (run.over) return
    context.onManifest?.(job)
    await createPatiently(run, job, context)
  } catch (error) {
    if (run.signal.aborted) return
    run.log.warn({ err: error }, 'job not launched')
    await run.end(launchCause(error))
  }
}

// The answer to `start` may have been lost after upstream had processed it: its word on the state decides, when it has
// one. Until then nobody can say that the job is not ours: it may be running in our name.
async function startedAnyway(
  run: Run,
  error: unknown,
  clock: Clock,
): Promise<'started' | 'over' | 'again'> {
  if (run.signal.aborted) return 'over'
  if (!(error instanceof UpstreamError)) throw error
  const state = await stateInTheEnd(run, clock)
  if (state === undefined) return 'over'
  if (state === 'running') {
    run.resume()
    return 'started'
  }
  if (mayPass(error) && (state === 'accepted' || state === 'assigned')) return 'again'
  run.log.warn({ err: error, state }, 'upstream does not want the job started')
  if (wantsStop(state)) {
    // Cancelled between accept and start: without a finish it would hang there until upstream's grace is over.
    run.resume()
    await run.end(stopCause(state, run))
    return 'over'
  }
  run.endedUpstream('start refused')
  return 'over'
}

async function manifest(run: Run, context: LaunchContext): Promise<V1Job> {
  const inputs = jobInputs(run.payload)
  const { note } = holdOf(inputs.plugin, context.pod)
  if (note !== undefined) void run.say([note])
  const podTemplate = await podTemplateOf(run, inputs, context)
  const job = buildJob(inputs, { ...context.pod, podTemplate })
  // The settings may say another prefix than when the run began: one run has one name.
  return { ...job, metadata: { ...job.metadata, name: run.jobName } }
}

async function createPatiently(
  run: Run,
  job: V1Job,
  { cluster, clock }: LaunchContext,
): Promise<void> {
  const words = { told: 'Kubernetes does not take the Job yet', logged: 'Job not created yet' }
  try {
    await patiently(run, { ...words, clock }, () => createOnce(run, job, { cluster, clock }))
  } catch (error) {
    throw refusal(error, job)
  }
}

async function createOnce(
  run: Run,
  job: V1Job,
  { cluster, clock }: Pick<LaunchContext, 'cluster' | 'clock'>,
): Promise<void> {
  // It is being ended: a Job that is made now is one that nobody wants.
  if (run.over) return
  const before = run.jobMayExist
  run.jobMayExist = true
  try {
    const { job: made, existed } = await cluster.createJob(job)
    run.jobMade(made.metadata?.uid, existed ? undefined : clock.now())
    run.log.info({ name: run.jobName, existed }, 'Job created')
  } catch (error) {
    // After a refusal there is none; silence and a fault of the server's leave that open.
    if (isClusterError(error) && (error.status ?? 500) < 500) run.jobMayExist = before
    throw error
  } finally {
    // The end of the run has come while the answer was on its way, and found no Job to delete.
    if (run.over && !run.letGo && run.jobMayExist) await deleteJobOf(run, { cluster, clock })
  }
}

function refusal(error: unknown, job: V1Job): unknown {
  if (!isClusterError(error)) return error
  const bytes = Buffer.byteLength(JSON.stringify(job))
  if (isTooLarge(error, bytes)) return tooLarge(bytes, error)
  return new Problem('JOB_REFUSED', 'Kubernetes refuses the Job', {
    where: 'POST Job',
    found: error.message,
    hint: 'the words after "found" are the API server\'s; mend the step, or ask who runs the cluster',
  })
}

// What etcd takes at most is 1.5 MiB. A Job beyond that is answered with a 422 that speaks of its selector, which the
// API server has just made itself (Kubernetes 1.34); only beyond 3 MiB, or by other versions, is its size spoken of.
function isTooLarge({ status, message }: ClusterError, bytes: number): boolean {
  if (status === 413 || /request is too large/.test(message)) return true
  return status === 422 && bytes > 1_400_000 && message.includes('not auto-generated')
}

function tooLarge(bytes: number, { message }: ClusterError): Problem {
  return new Problem('JOB_REFUSED', 'the Job is too large for Kubernetes', {
    where: 'POST Job',
    wanted: 'at most about 1.5 MiB (what etcd takes)',
    found: `${bytes} bytes, and from the API server: ${message.slice(0, 200)}`,
    hint: "put what is long in the step's podSpec into a ConfigMap, or a file of the repository",
  })
}

function launchCause(error: unknown): Cause {
  const expected = isProblem(error)
  const message = expected ? problemText(error) : messageOf(error)
  const ofCluster = !expected || isOfCluster(message)
  return {
    cause: expected ? 'job not run' : 'job not run (a fault of the job spawner)',
    message,
    exitStatus: -1,
    signalReason: ofCluster ? 'stack_error' : 'agent_refused',
    fault: ofCluster ? 'cluster' : 'job',
  }
}

// What we may not do, and a namespace that is not there, no step can mend.
function isOfCluster(message: string): boolean {
  return /cannot \w+ resource|namespaces ".*" not found/.test(message)
}
