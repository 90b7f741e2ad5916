import { gunzipSync, gzipSync } from 'node:zlib'
import { Problem } from '../errors.js'
import type { AgentJob } from '../types/agent-job.js'
import type { AgentSession } from '../upstream/session.js'

/** What must survive a crash about one slot. `version` says nothing any more: that a page is of says it for its records. */
export interface SlotRecord {
  version: 1
  slot: number
  registration?: AgentSession
  run?: RunRecord
}

/** What must survive a crash about one run. */
export interface RunRecord {
  jobId: string
  /** `accepted` when upstream's answer is known. Format 1 had `accepting` written before the accept was sent. */
  phase: 'accepting' | 'accepted'
  /** Upstream's answer, verbatim, with its token. */
  payload?: AgentJob
  /** The name of the run's Job, so that there is never a second one under another prefix. */
  jobName?: string
  /** The root of the run's pod credentials, base64url. */
  secret?: string
  /** Our own first log lines: chunks 1 to `sequence`, `bytes` in all, before the pod agent's chunks. */
  opening?: { text: string; sequence: number; bytes: number }
  /** Milliseconds since 1970. */
  acceptedAt?: number
  /** When it was certain for the last time that the Job had not been made yet. Milliseconds since 1970. */
  noJobAt?: number
  /** Where the log stood when the process that wrote this left the run to the next one. */
  cursor?: { sequence: number; offset: number }
  /** The UID of the pod that has the run, as far as it is known: the first pod wins. */
  podUid?: string
  /** The UID of its Job, as far as it is known: then the Job has been made. */
  jobUid?: string
  /** What the pod has reported and upstream has not taken yet: the body of its `finish`. */
  reported?: Record<string, unknown>
  /** What is told of it in the log before it is sent: what the cluster knows of that end. */
  told?: ToldRecord
  /** How we are ending a run that its pod did not end: written before it is sent. */
  closing?: ClosingRecord
}

/** Lines about a pod's finish, and the place for them. */
export interface ToldRecord {
  /** Absent when there is nothing to explain, and only lines to add. */
  cause?: string
  fault?: 'job' | 'cluster'
  /** For people, where the log can't be written to. */
  message: string
  /** Absent when it is not known where the log stands. */
  chunk?: { text: string; sequence: number; offset: number }
}

/** The last lines of a log and the finish behind them. */
export interface ClosingRecord {
  /** Absent when it is not known where the log stands: an annotation takes the lines' place. */
  chunk?: { text: string; sequence: number; offset: number }
  cause: {
    cause: string
    message: string
    exitStatus: number
    signalReason?: 'agent_refused' | 'agent_stop' | 'cancel' | 'process_run_error' | 'stack_error'
    signal?: string
    fault?: 'job' | 'cluster'
  }
  /** Milliseconds since 1970. */
  finishedAt: number
  /** How many pieces of the log are known not to be upstream. */
  lost?: number
}

/** Kubernetes lets the values of a Secret have 1 MiB in all. */
const mostBytes = 1_000_000
/** A record that unpacks to more than this was not written by us. */
const mostUnpackedBytes = 64 * 1024 * 1024

/**
 * A record as gzipped JSON.
 * @throws Problem LEDGER_RECORD when it does not fit a Secret
 */
export function packRecord(record: SlotRecord): Buffer {
  const packed = gzipSync(JSON.stringify(record))
  if (packed.byteLength <= mostBytes) return packed
  throw tooLarge(record, `${packed.byteLength} bytes`)
}

/** What a record's job is told when the cluster does not take a record of its size. */
export function tooLarge({ run, slot }: SlotRecord, found: string, cause?: unknown): Problem {
  return new Problem('LEDGER_RECORD', 'the job is too large to be recorded', {
    where: run ? `job ${run.jobId}` : `slot ${slot}`,
    wanted: `at most ${mostBytes} bytes when packed`,
    found,
    hint: 'make the environment of the job smaller: put what is large into an artifact or a file of the repository',
    cause,
  })
}

/**
 * The record of that slot, from gzipped JSON in base64; `where` names its place in the cluster. Fields that we do not
 * know are kept.
 * @throws Problem LEDGER_RECORD when it is damaged, or another slot's. Never with its contents.
 */
export function unpackRecord(
  text: string,
  { slot, where }: { slot: number; where: string },
): SlotRecord {
  const refuse = (found: string) =>
    unreadable({ where, wanted: `the record of slot ${slot}`, found })
  const record = unpacked(text)
  if (record === undefined) throw refuse('data that cannot be unpacked')
  if (!isSlotRecord(record)) throw refuse('data of another shape')
  if (record.slot !== slot) throw refuse(`the record of slot ${record.slot}`)
  return record
}

/** Something of the ledger cannot be read, and is kept as it is. */
export function unreadable(evidence: { where: string; wanted: string; found: string }): Problem {
  const hint = 'run the version of the spawner that wrote it; delete it when its run is over'
  return new Problem('LEDGER_RECORD', 'a record of the ledger cannot be read', {
    ...evidence,
    hint,
  })
}

function unpacked(text: string): unknown {
  try {
    const options = { maxOutputLength: mostUnpackedBytes }
    return JSON.parse(gunzipSync(Buffer.from(text, 'base64'), options).toString('utf8'))
  } catch {
    return undefined
  }
}

function isSlotRecord(value: unknown): value is SlotRecord {
  if (!isObject(value)) return false
  const { slot, registration, run } = value
  return (
    Number.isInteger(slot) &&
    (registration === undefined || isRegistration(registration)) &&
    (run === undefined || isRunRecord(run))
  )
}

function isRegistration(value: unknown): boolean {
  if (!isObject(value)) return false
  const strings = ['agentId', 'name', 'accessToken', 'endpoint']
  const numbers = ['pingInterval', 'jobStatusInterval', 'heartbeatInterval']
  return (
    strings.every(key => typeof value[key] === 'string') &&
    numbers.every(key => typeof value[key] === 'number') &&
    isObject(value['requestHeaders'])
  )
}

function isRunRecord(value: unknown): boolean {
  if (!isObject(value)) return false
  const { jobId, phase, payload, opening, cursor, podUid, reported, told } = value
  return (
    typeof jobId === 'string' &&
    (phase === 'accepting' || phase === 'accepted') &&
    (podUid === undefined || typeof podUid === 'string') &&
    [payload, opening, cursor, reported, told].every(part => part === undefined || isObject(part))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
