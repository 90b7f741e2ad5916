import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node'
import type { Verdict } from '../verdict/judgement.js'
import type { Redact } from './said.js'

/** Something that people waiting for a job may want to know. */
export interface Fact {
  /** What it is about; the same fact has the same key whenever it is looked at. */
  key: string
  /** When it came to be, as far as that is known, in milliseconds since 1970. */
  atMs: number
  /** What the log says; it may have several lines. */
  text: string
  /** Whether it is worth saying again when its text has changed, as the scheduler's words do. */
  again?: boolean
}

/** What is known of a Job that has not come to run, and of its pod. */
export interface StorySeen {
  pod?: V1Pod | undefined
  job?: V1Job | undefined
  /** The events about the pod. */
  events: readonly CoreV1Event[]
  /** The events about the Job. */
  jobEvents: readonly CoreV1Event[]
  /** The events about the claims of the pod's volumes. */
  claimEvents: readonly CoreV1Event[]
  verdict: Verdict
  /** Milliseconds since 1970. */
  now: number
  /** Takes what is secret out of what Kubernetes says, before it is cut to length. */
  redact?: Redact
}

/** A story's input as its chapters take it. */
export type Known = StorySeen & { redact: Redact }
