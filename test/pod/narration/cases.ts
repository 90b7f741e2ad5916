// Reads a case of goldens/: what becomes known of a Job and its pod, second by second. It is written short: times are
// seconds after the Job was made, an event is a line, a container's state a word or the API's own shape.
import { readdirSync, readFileSync } from 'node:fs'
import type { CoreV1Event, V1ContainerState, V1Job, V1Pod } from '@kubernetes/client-node'
import { parse } from 'yaml'
import type { StorySeen } from '../../../lib/pod/narration/story.js'
import type { Verdict } from '../../../lib/pod/verdict/judgement.js'

export const folder = new URL('goldens/', import.meta.url)

/** When the Job of every case was made. */
export const madeMs = Date.parse('2026-03-01T09:00:00Z')

export interface Case {
  name: string
  why: string
  /** For how many seconds to look. */
  lasts: number
  steps: readonly Step[]
  /** The log, by the second in which it is written. */
  log: Record<string, string[]>
}

interface Step {
  at: number
  job?: V1Job
  pod?: PodStep
  /** Such as `Pod{agent} Warning FailedMount kubelet: message`, with `x4` behind the kind when it came four times. */
  events?: string[]
  /** The verdict from now on: `running`, or what it waits for. */
  verdict?: 'running' | { reason: string; message: string }
}

interface PodStep {
  node?: string
  spec?: V1Pod['spec']
  conditions?: Record<string, { status: 'True' | 'False'; reason?: string; message?: string }>
  /** A state of the API's, or `running` or `done` from this second on, or the reason of one that waits. */
  containers?: Record<string, string | (V1ContainerState & { restarts?: number; ready?: boolean })>
  nominatedNode?: string
}

/** All cases, by name. */
export function cases(): Case[] {
  return readdirSync(folder)
    .filter(file => file.endsWith('.yaml'))
    .toSorted()
    .map(file => ({
      ...(parse(readFileSync(new URL(file, folder), 'utf8')) as Omit<Case, 'name'>),
      name: file.replace('.yaml', ''),
    }))
}

/** What is known in that second. */
export function seenAt({ steps }: Case, second: number): StorySeen {
  const past = steps.filter(({ at }) => at <= second)
  const events = past.flatMap(({ at, events: lines = [] }) => lines.map(line => eventOf(line, at)))
  const of = (kind: string) => events.filter(({ involvedObject }) => involvedObject.kind === kind)
  return {
    job: past.map(({ job }) => job).reduce(merged, jobOf()),
    pod: past.some(({ pod }) => pod) ? podOf(past) : undefined,
    events: of('Pod'),
    jobEvents: of('Job'),
    claimEvents: of('PersistentVolumeClaim'),
    verdict: verdictOf(past),
    now: madeMs + second * 1_000,
  }
}

function verdictOf(past: readonly Step[]): Verdict {
  const verdict = past.findLast(one => one.verdict !== undefined)?.verdict
  if (verdict === undefined) return { state: 'waiting', reason: 'Pending', message: 'pending' }
  return verdict === 'running' ? { state: 'running' } : { state: 'waiting', ...verdict }
}

function jobOf(): V1Job {
  return { metadata: { name: 'buildkite-0190', creationTimestamp: time(0) } }
}

function podOf(past: readonly Step[]): V1Pod {
  const made = past.find(({ pod }) => pod)?.at ?? 0
  const spec = past.map(({ pod }) => pod?.spec).reduce((a, b) => b ?? a, undefined)
  const nodeName = past.findLast(({ pod }) => pod?.node)?.pod?.node
  const nominatedNodeName = past.findLast(({ pod }) => pod?.nominatedNode)?.pod?.nominatedNode
  const initNames = new Set((spec?.initContainers ?? []).map(({ name }) => name))
  const statuses = statusesOf(past)
  return {
    metadata: { name: 'buildkite-0190-x7k2p', creationTimestamp: time(made) },
    spec: { ...(spec ?? { containers: [{ name: 'agent' }] }), ...(nodeName ? { nodeName } : {}) },
    status: {
      ...(nominatedNodeName ? { nominatedNodeName } : {}),
      conditions: conditionsOf(past),
      initContainerStatuses: statuses.filter(({ name }) => initNames.has(name)),
      containerStatuses: statuses.filter(({ name }) => !initNames.has(name)),
    },
  }
}

function conditionsOf(past: readonly Step[]) {
  const all = past.flatMap(({ at, pod }) => [
    ...Object.entries(pod?.conditions ?? {}).map(([type, one]) => ({ type, at, ...one })),
    ...(pod?.node ? [{ type: 'PodScheduled', status: 'True', at }] : []),
  ])
  const types = [...new Set(all.map(({ type }) => type))]
  return types.map(type => {
    const { at, ...condition } = all.findLast(one => one.type === type) ?? { at: 0, status: '' }
    return { type, ...condition, lastTransitionTime: time(at) }
  })
}

function statusesOf(past: readonly Step[]) {
  const all = past.flatMap(({ at, pod }) =>
    Object.entries(pod?.containers ?? {}).map(([name, state]) => ({ name, at, state })),
  )
  return [...new Set(all.map(({ name }) => name))].map(name => {
    const own = all.filter(one => one.name === name)
    const last = own.at(-1)
    const began = own.findLast(({ state }) => state === 'running')?.at
    return {
      name,
      image: '',
      imageID: '',
      ready: false,
      ...statusOf(last?.state, last?.at ?? 0, began),
    }
  })
}

function statusOf(
  state: NonNullable<PodStep['containers']>[string] | undefined,
  at: number,
  began = at,
) {
  if (state === 'running') return { restartCount: 0, state: { running: { startedAt: time(at) } } }
  if (state === 'done') {
    const terminated = { exitCode: 0, startedAt: time(began), finishedAt: time(at) }
    return { restartCount: 0, state: { terminated } }
  }
  if (typeof state === 'string') return { restartCount: 0, state: { waiting: { reason: state } } }
  const { restarts = 0, ready, ...own } = state ?? {}
  return { restartCount: restarts, ...(ready === undefined ? {} : { started: ready }), state: own }
}

const eventPattern = /^(\w+)(?:\/([\w.-]+))?(?:\{(\S+)\})? (?:x(\d+) )?(\w+) (\w+) (\S+): (.*)$/s

function eventOf(line: string, at: number): CoreV1Event {
  const [, kind, name, container, count, type, reason, reporter, message] =
    eventPattern.exec(line) ?? []
  if (kind === undefined) throw new Error(`not an event: ${line}`)
  return {
    metadata: {},
    involvedObject: {
      kind,
      name: name ?? 'it',
      ...(container === undefined ? {} : { fieldPath: `spec.containers{${container}}` }),
    },
    type,
    reason,
    message,
    count: Number(count ?? 1),
    reportingComponent: reporter,
    firstTimestamp: time(at),
    lastTimestamp: time(at),
  }
}

function merged(a: V1Job, b: V1Job | undefined): V1Job {
  if (!b) return a
  return { ...a, ...b, metadata: { ...a.metadata, ...b.metadata } }
}

// As a watch delivers it.
function time(second: number): Date {
  return new Date(madeMs + second * 1_000).toISOString() as unknown as Date
}
