import type { V1Job, V1Pod } from '@kubernetes/client-node'
import type { Test } from 'tap'
import type { Emulator } from '../../../lib/sandbox/buildkite/server.js'
import type { JobView } from '../../../lib/sandbox/buildkite/views.js'
import { isOver, lines } from '../../harness/builds.js'
import { eventually, kubectl, kubectlJson } from './kubectl.js'

/** A job that prints numbered lines: what it is to print, how fast, and how it ends. */
export interface Counting {
  to: number
  /** Between two lines. */
  seconds: number
  exitStatus?: number
  /** Of the step, beyond its command. */
  step?: object
}

/** The pipeline of such a job. */
export function countingPipeline({ to, seconds, exitStatus = 0, step }: Counting): string {
  const count = `for i in $(seq 1 ${to}); do echo line $i; sleep ${seconds}; done`
  return JSON.stringify({ steps: [{ command: `${count}; exit ${exitStatus}`, ...step }] })
}

/** A file in the container that ends a job of `openPipeline`. */
export const goFile = '/tmp/go'

/** The pipeline of a job that prints numbered lines, one a second, and their number when `letEnd` has ended it. */
export function openPipeline(exitStatus: number): string {
  const count = `i=0; until test -e ${goFile}; do i=$((i + 1)); echo line $i; sleep 1; done`
  return JSON.stringify({ steps: [{ command: `${count}; echo total $i; exit ${exitStatus}` }] })
}

/** Ends a job of `openPipeline`, in its pod. */
export async function letEnd(namespace: string, pod: V1Pod): Promise<void> {
  const place = ['-n', namespace, pod.metadata?.name ?? '', '-c', 'container-0']
  const touch = () => kubectl(['exec', ...place, '--', 'touch', goFile]).catch(() => undefined)
  // The kubelet may be away.
  await eventually('a command in the pod', touch)
}

/** The numbers in the log of such a job, in the order of the log. */
export function counted({ log }: JobView): number[] {
  return lines(log).flatMap(line => {
    const number = /^line (\d+)$/.exec(line)?.[1]
    return number === undefined ? [] : Number(number)
  })
}

/**
 * Waits for a job's end, and asserts that it is its own, that it came once, and that no line of the log is missing. A
 * job of `openPipeline` says itself how many there are.
 */
export async function endsWhole(
  t: Test,
  upstream: Emulator,
  jobId: string,
  { to, exitStatus = 0, seconds = 180 }: { to?: number; exitStatus?: number; seconds?: number },
): Promise<void> {
  const wait = { timeoutMs: seconds * 1000, what: `the end of job ${jobId}` }
  const job = await upstream.waitFor(() => isOver(upstream.job(jobId)) && upstream.job(jobId), wait)
  t.match(job, { state: 'finished', exitStatus, retriedIn: undefined }, 'it ends as it ended', {
    log: job.log.slice(-2_000),
  })
  t.equal(job.events.filter(({ event }) => event === 'finished').length, 1, 'once')
  t.equal(job.events.filter(({ event }) => event === 'started').length, 1, 'and began once')
  const total = to ?? Number(/^total (\d+)\r*$/m.exec(job.log)?.[1])
  t.same(
    counted(job),
    Array.from({ length: total }, (_, i) => i + 1),
    'and its log has each line',
  )
}

/** Asserts that each Job is that of a job, that no job has two, and that no pod outlives its job for long. */
export async function leavesNoOrphan(
  t: Test,
  upstream: Emulator,
  namespace: string,
): Promise<void> {
  const { items } = await kubectlJson<{ items: V1Job[] }>(['get', 'jobs', '-n', namespace])
  const owners = items.map(jobIdOf)
  const known = new Set(upstream.jobs().map(({ id }) => id))
  t.ok(
    owners.every(id => known.has(id)),
    'each Job is of a job',
  )
  t.equal(new Set(owners).size, owners.length, 'and no job has two')
  const left = async () => {
    const pods = await kubectlJson<{ items: V1Pod[] }>(['get', 'pods', '-n', namespace])
    const running = pods.items.filter(({ status }) => /Pending|Running/.test(status?.phase ?? ''))
    return running.every(pod => !isOver(upstream.job(jobIdOf(pod)))) || undefined
  }
  t.ok(await eventually('the pods of ended jobs to end', left, 90), 'no pod outlives its job')
}

function jobIdOf({ metadata }: V1Job | V1Pod): string {
  return metadata?.labels?.['buildkite.com/job-uuid'] ?? ''
}
