import { gunzipSync, gzipSync } from 'node:zlib'
import { Problem } from '../errors.js'
import type { AgentJob } from '../types/agent-job.js'
import type { AgentSession } from '../upstream/session.js'

/** What must survive a crash about one slot. */
export interface SlotRecord {
  version: 1
  slot: number
  registration?: AgentSession
  run?: RunRecord
}

/** What must survive a crash about one run. */
export interface RunRecord {
  jobId: string
  /** `accepting` is written before the accept is sent, `accepted` when its answer is known. */
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
  /** How we are ending a run that its pod did not end: written before it is sent. */
  closing?: ClosingRecord
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
  }
  /** Milliseconds since 1970. */
  finishedAt: number
}

const version = 1
/** Kubernetes lets the values of a Secret have 1 MiB in all. */
const mostBytes = 1_000_000
/** A record that unpacks to more than this was not written by us. */
const mostUnpackedBytes = 64 * 1024 * 1024

/**
 * The `data` of a slot's Secret: under `record` the gzipped JSON, under `version` its version, both in base64.
 * @throws Problem LEDGER_RECORD when it does not fit a Secret
 */
export function encodeRecord(record: SlotRecord): Record<string, string> {
  const packed = gzipSync(JSON.stringify(record))
  if (packed.byteLength > mostBytes) throw tooLarge(record, packed.byteLength)
  return {
    record: packed.toString('base64'),
    version: Buffer.from(String(version)).toString('base64'),
  }
}

/**
 * The record in the `data` of a slot's Secret; `where` names the Secret.
 * @throws Problem LEDGER_RECORD when it is damaged, or of a later version than we know. Never with its contents.
 */
export function decodeRecord(
  data: Record<string, string> | undefined,
  where = 'a Secret of the ledger',
): SlotRecord {
  const refuse = (found: string) => {
    return new Problem('LEDGER_RECORD', 'a record of the ledger cannot be read', {
      where,
      wanted: `a record of version ${version}`,
      found,
      hint: 'run the version of the spawner that wrote it; delete the Secret when its run is over',
    })
  }
  const told = Buffer.from(data?.['version'] ?? '', 'base64').toString('utf8')
  if (/^\d{1,9}$/.test(told) && Number(told) > version) throw refuse(`a record of version ${told}`)
  if (told !== String(version)) throw refuse('no version that we know')
  const record = unpacked(data?.['record'] ?? '')
  if (record === undefined) throw refuse('data that cannot be unpacked')
  if (!isSlotRecord(record)) throw refuse('data of another shape')
  return record
}

function tooLarge({ run, slot }: SlotRecord, bytes: number): Problem {
  return new Problem('LEDGER_RECORD', 'the job is too large to be recorded', {
    where: run ? `job ${run.jobId}` : `slot ${slot}`,
    wanted: `at most ${mostBytes} bytes when packed`,
    found: `${bytes} bytes`,
    hint: 'make the environment of the job smaller: put what is large into an artifact or a file of the repository',
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
    value['version'] === version &&
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
  const { jobId, phase, payload, opening, cursor } = value
  return (
    typeof jobId === 'string' &&
    (phase === 'accepting' || phase === 'accepted') &&
    [payload, opening, cursor].every(part => part === undefined || isObject(part))
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
