import { setMaxListeners } from 'node:events'
import type { Clock } from '../../clock.js'
import {
  timestamp,
  type Condition,
  type JobObject,
  type JobStatus,
  type Metadata,
  type PodObject,
} from './objects.js'
import type { Recorder } from './recorder.js'
import { apiVersion } from './resources.js'
import type { Change, Storage } from './storage.js'

const nameLetters = 'bcdfghjklmnpqrstvwxz2456789'
const gracePeriodSeconds = 30
const by = 'job-controller'

/**
 * Turns Jobs into pods and pods' ends into Jobs' ends, as Kubernetes' Job controller does for Jobs of one completion:
 * back-off limit, deadline, time to live, and no pod without its Job. It makes a replacement pod at once, where the
 * real one waits first.
 */
export class JobController {
  readonly #storage: Storage
  readonly #recorder: Recorder
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #ends = new Map<string, { failed: Set<string>; succeeded: Set<string> }>()
  readonly #unsubscribe: () => void

  constructor(storage: Storage, clock: Clock, recorder: Recorder) {
    this.#storage = storage
    this.#recorder = recorder
    this.#clock = clock
    // One listener for each timer of a Job: many is no leak.
    setMaxListeners(0, this.#stop.signal)
    this.#unsubscribe = storage.subscribe(change => this.#hear(change))
  }

  close(): void {
    this.#unsubscribe()
    this.#stop.abort()
  }

  #hear(change: Change): void {
    if (change.resource === 'jobs') this.#hearJob(change)
    if (change.resource === 'pods') this.#hearPod(change)
  }

  #hearJob(change: Change): void {
    const job = change.object as JobObject
    if (change.type === 'ADDED') {
      this.#setStatus(job, { startTime: timestamp(this.#clock.now()) })
      this.#setDeadline(job, 0)
      this.#sync(job.metadata)
    }
    if (change.type === 'MODIFIED') this.#hearChange(job, change.previous as JobObject)
    if (change.type !== 'DELETED') return
    this.#ends.delete(job.metadata.uid)
    for (const pod of this.#pods(job.metadata)) deletePod(this.#storage, this.#clock, pod)
  }

  // A deadline that was changed counts from the same start.
  #hearChange(job: JobObject, previous: JobObject): void {
    if (job.spec.activeDeadlineSeconds === previous.spec.activeDeadlineSeconds) return
    const start = job.status?.startTime
    this.#setDeadline(job, start ? (this.#clock.now() - Date.parse(start)) / 1000 : 0)
  }

  #setDeadline(job: JobObject, passedSeconds: number): void {
    const seconds = job.spec.activeDeadlineSeconds
    if (seconds === undefined) return
    this.#later(Math.max(0, seconds - passedSeconds), () => this.#deadline(job))
  }

  #hearPod(change: Change): void {
    const pod = change.object as PodObject
    const owner = pod.metadata.ownerReferences?.find(reference => reference.kind === 'Job')
    if (!owner) return
    const job = this.#storage.get('jobs', pod.metadata.namespace, owner.name)
    if (job?.metadata.uid !== owner.uid) return
    this.#count(owner.uid, pod, change.type === 'DELETED')
    this.#sync(job.metadata)
  }

  /** A pod that is being deleted counts as failed from then on, as the real controller has it. */
  #count(jobUid: string, pod: PodObject, gone: boolean): void {
    const ends = this.#endsOf(jobUid)
    const { uid, deletionTimestamp } = pod.metadata
    const phase = pod.status?.phase
    if (phase === 'Succeeded') ends.succeeded.add(uid)
    if (phase === 'Succeeded') return
    if (phase === 'Failed' || gone || deletionTimestamp !== undefined) ends.failed.add(uid)
  }

  #sync({ namespace, name }: Metadata): void {
    const job = this.#storage.get('jobs', namespace, name) as JobObject | undefined
    if (!job || isFinished(job)) return
    const ends = this.#endsOf(job.metadata.uid)
    const pods = this.#pods(job.metadata)
    const active = pods.filter(pod => !ends.failed.has(pod.metadata.uid) && !isOver(pod))
    const running = pods.filter(pod => !isOver(pod))
    const counts = {
      failed: ends.failed.size || undefined,
      succeeded: ends.succeeded.size || undefined,
      active: active.length || undefined,
      terminating: running.length - active.length,
      ready: active.filter(pod => pod.status?.phase === 'Running').length,
    }
    const target = failureTarget(job)
    if (target) return this.#fail(job, { counts, target, over: running.length === 0 })
    if (ends.succeeded.size > 0) return this.#complete(job, counts)
    if (ends.failed.size > (job.spec.backoffLimit ?? 6)) {
      const message = 'Job has reached the specified backoff limit'
      const limit = { reason: 'BackoffLimitExceeded', message }
      return this.#fail(job, { counts, target: limit, over: running.length === 0 })
    }
    this.#setStatus(job, counts)
    if (active.length === 0) this.#createPod(job)
  }

  #fail(
    job: JobObject,
    how: {
      counts: Partial<JobStatus>
      target: { reason?: string; message?: string }
      over: boolean
    },
  ): void {
    const { reason, message } = how.target
    const why = { reason, message, lastTransitionTime: timestamp(this.#clock.now()) }
    const conditions: Condition[] = [{ type: 'FailureTarget', status: 'True', ...why }]
    // The Job has failed only when none of its pods runs any more.
    if (how.over) conditions.push({ type: 'Failed', status: 'True', ...why })
    this.#setStatus(job, { ...how.counts, conditions })
    if (how.over) this.#expire(job)
  }

  #complete(job: JobObject, counts: Partial<JobStatus>): void {
    const now = timestamp(this.#clock.now())
    const why = {
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    }
    const conditions: Condition[] = (['SuccessCriteriaMet', 'Complete'] as const).map(type => ({
      type,
      status: 'True',
      ...why,
      lastTransitionTime: now,
    }))
    this.#setStatus(job, { ...counts, completionTime: now, conditions })
    this.#expire(job)
  }

  #deadline(job: JobObject): void {
    const { namespace, name, uid } = job.metadata
    const now = this.#storage.get('jobs', namespace, name) as JobObject | undefined
    if (now?.metadata.uid !== uid || isFinished(now) || failureTarget(now)) return
    // It may have been given another one since.
    if (now.spec.activeDeadlineSeconds !== job.spec.activeDeadlineSeconds) return
    const pods = this.#pods(now.metadata)
    const message = 'Job was active longer than specified deadline'
    const target = { reason: 'DeadlineExceeded', message }
    this.#recorder.say(now, { ...target, type: 'Warning', by })
    this.#fail(now, { counts: {}, target, over: pods.every(isOver) })
    for (const pod of pods.filter(each => !isOver(each))) deletePod(this.#storage, this.#clock, pod)
  }

  #expire(job: JobObject): void {
    const { namespace, name, uid } = job.metadata
    const ttl = job.spec.ttlSecondsAfterFinished
    if (ttl === undefined) return
    this.#later(ttl, () => {
      if (this.#storage.get('jobs', namespace, name)?.metadata.uid !== uid) return
      this.#storage.remove('jobs', namespace, name)
    })
  }

  #createPod(job: JobObject): void {
    const { template } = job.spec
    const { name, namespace, uid } = job.metadata
    const letters = Array.from({ length: 5 }, () => this.#letter()).join('')
    const owner = { apiVersion: apiVersion('jobs'), kind: 'Job', name, uid }
    const made = this.#storage.create('pods', {
      metadata: {
        generateName: `${name}-`,
        name: `${name}-${letters}`,
        namespace,
        labels: { ...template.metadata?.labels, ...jobLabels(job.metadata) },
        annotations: template.metadata?.annotations,
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
      },
      spec: { serviceAccountName: 'default', ...template.spec },
      status: { phase: 'Pending' },
    })
    const message = `Created pod: ${made.metadata.name}`
    this.#recorder.say(job, { reason: 'SuccessfulCreate', message, by })
  }

  #letter(): string {
    return nameLetters[Math.floor(this.#clock.random() * nameLetters.length)] ?? 'x'
  }

  #pods({ namespace, uid }: Metadata): PodObject[] {
    const pods = this.#storage.list('pods', namespace) as PodObject[]
    return pods.filter(pod => pod.metadata.ownerReferences?.some(owner => owner.uid === uid))
  }

  #endsOf(jobUid: string): { failed: Set<string>; succeeded: Set<string> } {
    const ends = this.#ends.get(jobUid) ?? { failed: new Set(), succeeded: new Set() }
    this.#ends.set(jobUid, ends)
    return ends
  }

  #setStatus(job: JobObject, change: Partial<JobStatus>): void {
    const { namespace, name } = job.metadata
    const now = this.#storage.get('jobs', namespace, name) as JobObject | undefined
    if (!now) return
    const fields = Object.entries({ ...now.status, ...change })
    const status = Object.fromEntries(fields.filter(([, value]) => value !== undefined))
    this.#storage.update('jobs', { ...now, status })
  }

  #later(seconds: number, act: () => void): void {
    this.#clock.sleep(seconds * 1000, this.#stop.signal).then(act, () => {})
  }
}

/** The labels that a Job puts on its pods. */
export function jobLabels({ name, uid }: Metadata): Record<string, string> {
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  }
}

/**
 * Deletes a pod: at once when the grace is 0 or nothing of it runs, else it is marked, and the kubelet removes it when
 * its processes have ended. Without a grace of its own the pod's counts (30 seconds when it has none).
 */
export function deletePod(storage: Storage, clock: Clock, pod: PodObject, grace?: number): void {
  const { namespace, name } = pod.metadata
  const wanted = grace ?? pod.spec.terminationGracePeriodSeconds ?? gracePeriodSeconds
  if (wanted <= 0 || isOver(pod) || pod.spec.nodeName === undefined) {
    storage.remove('pods', namespace, name)
    return
  }
  const before = pod.metadata.deletionGracePeriodSeconds
  if (before !== undefined && before <= wanted) return
  const metadata: Metadata = {
    ...pod.metadata,
    deletionTimestamp: timestamp(clock.now() + wanted * 1000),
    deletionGracePeriodSeconds: wanted,
  }
  storage.update('pods', { ...pod, metadata })
}

function isOver(pod: PodObject): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

function isFinished(job: JobObject): boolean {
  return (job.status?.conditions ?? []).some(({ type }) => type === 'Complete' || type === 'Failed')
}

function failureTarget(job: JobObject): Condition | undefined {
  return job.status?.conditions?.find(({ type }) => type === 'FailureTarget')
}
