import type { V1Pod } from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import type { BuildOptions } from '../../../lib/sandbox/buildkite/add-steps.js'
import type { JobView } from '../../../lib/sandbox/buildkite/views.js'
import { isOver, lines } from '../../harness/builds.js'
import { letEnd, openPipeline } from './counting.js'
import { podOf } from './job-pods.js'
import { eventually } from './kubectl.js'
import { Watching } from './watching.js'
import { startWorld, type World, type WorldOptions } from './world.js'

/** A world, and what Kubernetes says of its jobs. */
export interface Stage {
  world: World
  watching: Watching
}

/** A job that runs now. */
export interface LiveJob extends Stage {
  id: string
  /** Its pod, as it was seen last. */
  pod: V1Pod
}

/** One way for a pod to come to harm, and what the job must tell of it. */
export interface VerdictCase {
  /** A pipeline of one step. */
  pipeline: string
  options?: BuildOptions
  /** What the job's log has when the deed may be done. */
  ready?: RegExp
  /** What is done to it; nothing when the pipeline does it itself. */
  deed?: (job: LiveJob) => Promise<unknown>
  /** When Kubernetes has said so, in milliseconds since 1970; the end of the deed where this is not given. */
  said?: (watching: Watching, jobId: string) => number | undefined
  /** The job in the end, as upstream has it. */
  end: Partial<Pick<JobView, 'exitStatus' | 'signal' | 'signalReason' | 'passed'>>
  /** What its log says, all of it. */
  log: readonly RegExp[]
  /** The seconds that it may take at most, from when Kubernetes has said so. Far more than it takes: the machine is shared. */
  within?: number
}

/** What any cause may take here. Wanted are 15 s, on a machine that has time for it: the table says what it was. */
const mostSeconds = 60

/** A world, watched, with a healthy job in it that runs until everything else in the file has happened. */
export async function startStage(options?: WorldOptions): Promise<Stage> {
  const world = await startWorld(t, options)
  return { world, watching: await Watching.start(t, world.namespaces.jobs) }
}

/** Runs a job to its end, and asserts what it tells of its cause, and that it tells it in time. */
export async function tells(t: Test, stage: Stage, wanted: VerdictCase): Promise<JobView> {
  const { world, watching } = stage
  const { id } = world.begin(wanted.pipeline, wanted.options ?? withoutCheckout)
  const deedAt = await doDeed(stage, id, wanted)
  const job = await world.until(id, isOver, 'the end of the job')
  const at = await eventually(
    'the moment in which Kubernetes says so',
    async () => (wanted.said ? wanted.said(watching, id) : deedAt),
    30,
  )
  const seconds = ((job.times.finished ?? 0) - at) / 1000
  t.match(job, { state: 'finished', finishCount: 1, ...wanted.end }, job.log)
  for (const field of ['signal', 'signalReason'] as const) {
    if (field in wanted.end) t.equal(job[field], wanted.end[field], `${field}\n${job.log}`)
  }
  for (const words of wanted.log) t.match(job.log, words)
  t.ok(seconds <= (wanted.within ?? mostSeconds), `in ${seconds.toFixed(1)} s`)
  t.comment(row(t.name, seconds, job))
  return job
}

const withoutCheckout: BuildOptions = { env: { BUILDKITE_SKIP_CHECKOUT: 'true' } }

async function doDeed(stage: Stage, id: string, { ready, deed }: VerdictCase) {
  const { world, watching } = stage
  if (ready) await world.until(id, ({ log }) => ready.test(log), String(ready))
  if (!deed) return undefined
  const pod = await eventually('the pod', async () => watching.lastPod(id), 30)
  await deed({ ...stage, id, pod })
  return Date.now()
}

/** A line of the table of all causes: cause, seconds, what the job's log says. */
function row(name: string, seconds: number, { log, exitStatus, signal, signalReason }: JobView) {
  const all = lines(log)
  const words = all.slice(all.findLastIndex(line => line.startsWith('+++ Job spawner'))).join(' / ')
  const end = [exitStatus, signal, signalReason].filter(one => one !== undefined).join(' ')
  return `| ${name} | ${seconds.toFixed(1)} s | ${end} | ${words.slice(0, 400)} |`
}

/**
 * A healthy job beside all the others of a file: what is done to them and what becomes of them is nothing to it. The
 * promise is of what ends it, and asserts that nothing has happened to it.
 */
export async function startNeighbour({ world }: Stage): Promise<(t: Test) => Promise<void>> {
  const { id } = world.begin(openPipeline(0), withoutCheckout)
  await world.until(id, ({ log }) => /line 1\r*\n/.test(log), 'the healthy job')
  return async t => {
    await letEnd(world.namespaces.jobs, await podOf(world, id))
    const job = await world.until(id, isOver, 'the end of the healthy job')
    t.match(job, { state: 'finished', exitStatus: 0, finishCount: 1 }, job.log)
    t.match(job.log, /total \d+/)
    t.notMatch(job.log, /\+\+\+ Job spawner/)
    const { started = 0, finished = 0 } = job.times
    t.comment(`the healthy job ran beside them for ${((finished - started) / 1000).toFixed(0)} s`)
  }
}

/** The kubelet's status follows what happens by a second or two. */
export async function untilSeen(
  { watching }: Stage,
  jobId: string,
  so: (pod: V1Pod) => boolean,
): Promise<V1Pod> {
  await eventually('the status of the pod', async () => watching.podWas(jobId, so), 30)
  const pod = watching.lastPod(jobId)
  if (pod === undefined) throw new Error(`${jobId} has no pod`)
  return pod
}
