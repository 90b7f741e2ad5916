// What time does to a verdict, and what does not count.
import type { CoreV1Event, V1Pod } from '@kubernetes/client-node'
import t from 'tap'
import type { Seen } from '../../../lib/pod/verdict/judgement.js'
import { verdict } from '../../../lib/pod/verdict/verdict.js'
import { limits, seenOf, situations } from './situation.js'

const all = situations()
const named = (name: string): Seen => {
  const found = all.find(one => one.name === name)
  if (!found) throw new Error(name)
  return seenOf(found.content)
}

t.test('what waits ends at the limit for pending pods, and not a moment before', async t => {
  const over = named('unschedulable-too-long')
  const made = new Date(over.pod?.metadata?.creationTimestamp ?? 0).getTime()
  const at = (ms: number) => verdict({ ...over, now: made + ms })
  t.match(at(limits.pendingMs - 1), { state: 'waiting', reason: 'Unschedulable' })
  t.match(at(limits.pendingMs), { state: 'over', cause: 'PendingTooLong' })
  const patient = { ...over, limits: { ...limits, pendingMs: 3_600_000 } }
  t.match(verdict(patient), { state: 'waiting' }, 'the limit is the operator’s')
})

t.test('the grace of an image counts from when its container could first start', async t => {
  const seen = named('image-unknown-too-long')
  const parsed = { ...seen, pod: withDates(seen.pod) }
  t.match(verdict(parsed), { state: 'over' }, 'also of times that the client library has parsed')
  const impatient = { ...named('image-unknown'), limits: { ...limits, imagePullMs: 1_000 } }
  t.match(verdict(impatient), { state: 'over', cause: 'ImagePull' })
})

t.test('while what a status says may be old, nothing that waits is over', async t => {
  for (const { name, content } of all) {
    if (content.reported) continue
    const seen = seenOf(content)
    const { pod } = seen
    const hasEnds = [
      ...(pod?.status?.containerStatuses ?? []),
      ...(pod?.status?.initContainerStatuses ?? []),
    ].some(({ state }) => state?.terminated && state.terminated.exitCode !== 0)
    const isTold =
      seen.job?.status?.conditions !== undefined ||
      pod?.status?.phase === 'Failed' ||
      pod?.status?.phase === 'Succeeded' ||
      (!pod && seen.podSeenBefore)
    const agentEnded = pod?.status?.containerStatuses?.some(
      one => one.name === 'agent' && one.state?.terminated,
    )
    if (hasEnds || isTold || agentEnded) continue
    t.not(verdict({ ...seen, now: 0 }).state, 'over', name)
  }
})

t.test('the newest event counts, and only of this Job', async t => {
  const seen = named('limit-range')
  const [event] = seen.jobEvents ?? []
  if (!event) throw new Error('no event')
  const later = (more: Partial<CoreV1Event>) => ({
    ...event,
    lastTimestamp: new Date(seen.now + 1_000),
    ...more,
  })
  const quota = later({ message: 'Error creating: exceeded quota: q, requested: pods=1' })
  t.match(verdict({ ...seen, jobEvents: [event, quota] }), { reason: 'QuotaExceeded' })
  const sameSecond = { ...quota, lastTimestamp: event.lastTimestamp }
  t.match(
    verdict({ ...seen, jobEvents: [event, sameSecond] }),
    { reason: 'QuotaExceeded' },
    'of one second the last that was told',
  )
  const job = { ...seen.job, metadata: { ...seen.job?.metadata, uid: 'u1' } }
  const others = later({ involvedObject: { kind: 'Job', uid: 'u2' } })
  t.match(verdict({ ...seen, job, jobEvents: [others] }), { reason: 'NoPod' }, 'another Job’s')
})

t.test('an agent that has called has run, whatever the status of its pod says', async t => {
  const lagging = named('preempted')
  const pod = {
    ...lagging.pod,
    status: { ...lagging.pod?.status, phase: 'Failed', containerStatuses: [] },
  }
  const of = (silentMs: number | undefined) =>
    verdict({ ...lagging, pod, agent: { silentMs, writing: false } })
  t.match(of(undefined), { cause: 'Preempted', signalReason: 'stack_error' })
  t.match(of(300), { cause: 'Preempted', signalReason: 'agent_stop' })
})

t.test('a pod that is gone is not over while its agent calls', async t => {
  const gone = named('deleted-by-force')
  const of = (silentMs: number) =>
    verdict({ ...gone, agent: { silentMs, writing: false, polledMs: silentMs } })
  t.match(of(4_000), { state: 'running' }, 'it was told to go, and has its grace')
  t.match(of(5_000), { state: 'over', cause: 'PodDeleted', signalReason: 'agent_stop' })
})

t.test('an agent that has surely never called has not run when its pod is gone', async t => {
  const gone = named('deleted-by-force')
  const of = (polledMs: 'never' | undefined) =>
    verdict({ ...gone, agent: { silentMs: undefined, writing: false, polledMs } })
  t.match(of('never'), { cause: 'PodDeleted', signalReason: 'stack_error' })
  t.match(of(undefined), { cause: 'PodDeleted', signalReason: 'agent_stop' }, 'nobody knows')
})

function withDates(pod: V1Pod | undefined): V1Pod {
  const revive = (key: string, value: unknown): unknown =>
    /(Time|Timestamp|At)$/.test(key) && typeof value === 'string' ? new Date(value) : value
  const dated = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || value instanceof Date) return value
    if (Array.isArray(value)) return value.map(dated)
    return Object.fromEntries(
      Object.entries(value).map(([key, one]) => [key, dated(revive(key, one))]),
    )
  }
  return dated(pod) as V1Pod
}
