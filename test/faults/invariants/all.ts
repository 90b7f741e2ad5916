import type { History } from '../history.js'
import { noFinalWord, noZombie } from './gateway.js'
import { oneEnd, oneRun, trueEnd, wholeLog } from './jobs.js'
import { singleWriter } from './lease.js'
import { caps, noFalseKill, oneCredential, onePod, rest } from './pods.js'
import { cost, noAccident, noHotLoop, protocol } from './process.js'
import { noSecret } from './secrets.js'

/** A promise, and how a history is held to it: what breaks it is given in words. */
export interface Invariant {
  name: string
  check: (history: History) => string[]
}

/** Every promise that a history is held to. */
export const invariants: readonly Invariant[] = [
  { name: 'each job ends once', check: oneEnd },
  { name: 'with its own exit status, or the cause', check: trueEnd },
  { name: 'its log is whole and in order', check: wholeLog },
  { name: 'its command runs once', check: oneRun },
  { name: 'it has one Job and one pod', check: onePod },
  { name: 'one pod has its credential', check: oneCredential },
  { name: 'which ends with the job', check: noZombie },
  { name: 'no healthy job is killed', check: noFalseKill },
  { name: 'no passing fault is final to a pod', check: noFinalWord },
  { name: 'never more jobs than allowed', check: caps },
  { name: 'who writes holds the lease', check: singleWriter },
  { name: 'no secret is seen', check: noSecret },
  { name: 'upstream has nothing to object to', check: protocol },
  { name: 'nothing is done over and over', check: noHotLoop },
  { name: 'few writes and requests', check: cost },
  { name: 'no process ends by accident', check: noAccident },
  { name: 'in the end all is at rest', check: rest },
]

/** What breaks a promise. */
export interface Violation {
  invariant: string
  what: string
}

/** Holds a history to all promises. */
export function violationsOf(history: History): Violation[] {
  return invariants.flatMap(({ name, check }) =>
    check(history).map(what => ({ invariant: name, what })),
  )
}
